package rule

import "github.com/pkgmeter/pkgmeter"

// The bounds of what a cache remembers, bytes.
const (
	CachedFiles   = cachedFiles
	CachedClients = cachedClients
)

// Weight is what a cache remembers, bytes.
func (c *Cache) Weight() (files, clients int) {
	for _, all := range []map[fileSaid]fileFacts{c.files.young, c.files.old} {
		for said := range all {
			files += said.weight()
		}
	}
	for _, all := range []map[string]pkgmeter.Client{c.clients.young, c.clients.old} {
		for agent := range all {
			clients += agentWeight(agent)
		}
	}
	return files, clients
}
