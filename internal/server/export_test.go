package server

import (
	"github.com/pkgmeter/pkgmeter/internal/settings"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// Routes returns the access class of every method of every route of a server
// that runs: of the main listener, and of the one for operators.
func (s *Server) Routes() (main, operators map[string]string, err error) {
	pages := &web.Web{}
	if err := pages.Init(); err != nil {
		return nil, nil, err
	}
	classes := func(tables ...[]route) map[string]string {
		all := map[string]string{}
		for _, routes := range tables {
			for _, r := range routes {
				for method, e := range r.methods {
					all[method+" "+r.path] = string(e.access)
				}
			}
		}
		return all
	}
	return classes(s.routes(pages, &settings.Pages{}, login{}), s.fileRoutes()), classes(s.operatorRoutes()), nil
}
