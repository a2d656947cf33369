package ddp

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, strings.TrimSuffix(s.opts.BasePath, "/"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	switch path {
	case "/websocket", "/websocket/", "/sockjs/websocket", "/sockjs/websocket/":
		s.serveWebSocket(w, r, false)
	case "/sockjs", "/sockjs/":
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		_, _ = io.WriteString(w, "Welcome to SockJS!\n")
	case "/sockjs/info":
		s.serveInfo(w, r)
	default:
		s.serveSockJS(w, r, path)
	}
}

// serveSockJS answers /sockjs/<server>/<session>/<transport>.
func (s *Server) serveSockJS(w http.ResponseWriter, r *http.Request, path string) {
	parts := strings.Split(strings.TrimPrefix(path, "/sockjs/"), "/")
	if !strings.HasPrefix(path, "/sockjs/") || len(parts) != 3 || !isSegment(parts[0]) || !isSegment(parts[1]) {
		http.NotFound(w, r)
		return
	}
	id, transport := parts[1], parts[2]
	if transport == "websocket" {
		s.serveWebSocket(w, r, true)
		return
	}
	serve := map[string]func(http.ResponseWriter, *http.Request, string){
		"xhr": s.serveXHR, "xhr_streaming": s.serveStreaming, "xhr_send": s.serveSend,
	}[transport]
	if serve == nil {
		http.NotFound(w, r)
		return
	}
	allowOrigin(w, r)
	switch r.Method {
	case http.MethodOptions:
		preflight(w, "OPTIONS, POST")
	case http.MethodPost:
		serve(w, r, id)
	default:
		w.Header().Set("Allow", "OPTIONS, POST")
		http.Error(w, "Method not allowed", http.StatusMethodNotAllowed)
	}
}

// isSegment says whether a part of the path may be a server or session id.
func isSegment(part string) bool {
	return part != "" && len(part) <= maxName && !strings.Contains(part, ".")
}

// serveInfo tells browsers what there is. It never names a base URL: some
// clients would go there.
func (s *Server) serveInfo(w http.ResponseWriter, r *http.Request) {
	allowOrigin(w, r)
	switch r.Method {
	case http.MethodOptions:
		preflight(w, "OPTIONS, GET")
	case http.MethodGet, http.MethodHead:
		var entropy [4]byte
		_, _ = rand.Read(entropy[:]) // never fails
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		noCache(w)
		fmt.Fprintf(w, `{"websocket":true,"origins":["*:*"],"cookie_needed":false,"entropy":%d}`,
			binary.NativeEndian.Uint32(entropy[:]))
	default:
		w.Header().Set("Allow", "OPTIONS, GET")
		http.Error(w, "Method not allowed", http.StatusMethodNotAllowed)
	}
}

// allowOrigin opens the answer to pages of any origin.
func allowOrigin(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin == "" || origin == "null" {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Allow-Credentials", "true") // SockJS asks with credentials
	w.Header().Add("Vary", "Origin")
}

func preflight(w http.ResponseWriter, methods string) {
	w.Header().Set("Access-Control-Allow-Methods", methods)
	w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
	w.Header().Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

func noCache(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store, no-cache, no-transform, must-revalidate, max-age=0")
}

// closeFrame is the last SockJS frame of a session.
func closeFrame(how closing) []byte {
	f := strconv.AppendInt([]byte("c["), int64(how.code), 10)
	return append(ejson.AppendString(append(f, ','), how.reason), ']')
}
