package rule

import "github.com/pkgmeter/pkgmeter"

// Weight is what a cache remembers, bytes.
func (c *Cache) Weight() (files, clients int) {
	for i := range c.files.all {
		for _, all := range []map[fileSaid]fileFacts{c.files.all[i].young, c.files.all[i].old} {
			for said := range all {
				files += said.weight()
			}
		}
	}
	for i := range c.clients.all {
		for _, all := range []map[string]pkgmeter.Client{c.clients.all[i].young, c.clients.all[i].old} {
			for agent := range all {
				clients += agentWeight(agent)
			}
		}
	}
	return files, clients
}
