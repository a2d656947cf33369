// Package agent says what the User-Agent of a request tells about the client:
// which program it is and of which version, whether a person, a build server, a
// mirror or a robot runs it, and on what. It is pure: equal text has an equal
// meaning, and every text has one.
//
// Agents are hostile text. Names, classes, systems, architectures and names of
// CIs come from the tables of this package or of the operator, never out of the
// agent, so there are no more of them than the tables list; versions are short
// and printable. The time that one agent takes grows with its length alone, and
// what is beyond 512 bytes is not looked at.
//
// It does not know whether an agent tells the truth, who sent it and from where,
// what was fetched, and which of a server's users are robots: whoever has such a
// fact must put it above the class found here.
package agent
