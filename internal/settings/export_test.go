package settings

import (
	"html/template"

	"github.com/jba/templatecheck"
)

// Check type-checks every template against its view model.
func (s *Pages) Check() error {
	for name, view := range map[string]any{
		"account": &accountView{}, "users": &usersView{}, "tokens": &tokensView{}, "sessions": &sessionsView{}, "links": &linksView{}, "audit": &auditView{},
	} {
		if err := s.Web.CheckPage(name, func(t *template.Template) error { return templatecheck.CheckHTML(t, view) }); err != nil {
			return err
		}
	}
	return nil
}
