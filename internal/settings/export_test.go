package settings

import (
	"fmt"

	"github.com/jba/templatecheck"
)

// Check type-checks every template against its view model.
func (s *Pages) Check() error {
	for name, view := range map[string]any{
		"account": &accountView{}, "users": &usersView{}, "tokens": &tokensView{}, "sessions": &sessionsView{}, "links": &linksView{}, "audit": &auditView{},
	} {
		if err := templatecheck.CheckHTML(s.Web.Template(name), view); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
