package pkgmeter

// A Class says what kind of client fetched a file. Classes are attributes: no
// class is left out of any number unless the question says so.
type Class uint8

// The classes.
const (
	Human         Class = iota // an installer, a browser or a tool in a person's hands, as far as one can tell
	CI                         // a build
	Mirror                     // another registry that keeps a copy
	Bot                        // a crawler, a scanner, a monitor, a robot account
	UnknownClient              // it did not say what it is, or is not in the table
)

// ClassNames lists the names of all classes, in the order of their values.
func ClassNames() []string { return []string{"human", "ci", "mirror", "bot", "unknown"} }

// String returns the name of c.
func (c Class) String() string { return nameOf(ClassNames(), int(c)) }

// ParseClass returns the class of a name.
func ParseClass(name string) (Class, bool) {
	i, ok := indexOf(ClassNames(), name)
	return Class(i), ok
}

// A Client is what follows from what a client said of itself, under one rule
// set. Strings are empty where it says nothing.
type Client struct {
	Name    string // lower-case product name, "browser", "(other)" or "(none)"
	Class   Class
	Version string
	Runtime string // name and version of the language it runs on
	OS      string
	Arch    string
}

// NoClient is the name of the client of an event that names none.
const NoClient = "(none)"
