package server

import (
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/ingest"
	"github.com/pkgmeter/pkgmeter/internal/live"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what operators scrape. No label comes from outside.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	events   *prometheus.CounterVec
	waits    prometheus.Histogram

	stored, known, rejected, refused prometheus.Counter
}

func newMetrics(q *ingest.Queue[*pkgmeter.Delivery], version string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pkgmeter_http_requests_total", Help: "Requests by route and status.",
		}, []string{"route", "status"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pkgmeter_events_total", Help: "Events by outcome: stored, known (a repeated id), rejected (unreadable: in quarantine, or told to the sender), refused (the store was busy or failed).",
		}, []string{"outcome"}),
		waits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pkgmeter_ack_seconds", Help: "Time from the end of a delivery's receipt until it is on disk.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
	}
	m.stored, m.known = m.events.WithLabelValues("stored"), m.events.WithLabelValues("known")
	m.rejected, m.refused = m.events.WithLabelValues("rejected"), m.events.WithLabelValues("refused")
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	m.registry.MustRegister(m.requests, m.events, m.waits,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("pkgmeter_queue_deliveries", "Deliveries that wait for the disk.", func() float64 { n, _ := q.Waiting(); return float64(n) }),
		gauge("pkgmeter_queue_bytes", "Bytes of the deliveries that wait for the disk.", func() float64 { _, n := q.Waiting(); return float64(n) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "pkgmeter_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version},
		}, func() float64 { return 1 }),
	)
	return m
}

// watch shows how many look at events as they come.
func (m *metrics) watch(h *live.Hub) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pkgmeter_live_readers", Help: "Live views of events that are open.",
	}, func() float64 { return float64(h.Readers()) }))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// delivered counts the outcome of one delivery.
func (m *metrics) delivered(d *pkgmeter.Delivery, took time.Duration, stored bool) {
	if !stored {
		m.refused.Add(float64(len(d.Entries)))
		return
	}
	m.waits.Observe(took.Seconds())
	m.stored.Add(float64(d.New))
	m.known.Add(float64(d.Known))
	m.rejected.Add(float64(len(d.Rejects)))
}

// refusedItems counts what was no event and is told to the sender.
func (m *metrics) refusedItems(n int) { m.rejected.Add(float64(n)) }

// observe counts the requests of a route by status.
func (m *metrics) observe(route string, next http.Handler) http.Handler {
	// Statuses are few; their counters are looked up once.
	var byStatus [600]atomic.Pointer[prometheus.Counter]
	count := func(status int) {
		if status < 0 || status >= len(byStatus) {
			status = 0
		}
		c := byStatus[status].Load()
		if c == nil {
			found := m.requests.WithLabelValues(route, strconv.Itoa(status))
			c = &found
			byStatus[status].Store(c)
		}
		(*c).Inc()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(sw, r)
		count(sw.status)
	})
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// ReadFrom lets the kernel send files by itself, as it does without us.
func (w *statusWriter) ReadFrom(r io.Reader) (int64, error) { return io.Copy(w.ResponseWriter, r) }

// Unwrap lets [http.ResponseController] reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
