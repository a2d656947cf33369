//go:build unix

package crashtest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

const (
	idRounds  = 10
	idSenders = 16
	idBatch   = 500
)

// Each of IDS ids (20,000 unless set) is sent ten times from 16 connections, a
// day and a restart apart, in another order and in other company each time;
// every third server is killed under way, and its round sent again. Each id
// counts once.
func TestEachIDCountsOnceOverRestartsAndDays(t *testing.T) {
	t.Parallel()
	ids := int(number(t, "IDS", 20_000))
	data, addr, bin := t.TempDir(), freeAddress(t), program(t)
	day := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	var accepted atomic.Int64
	token := ""
	for round := range idRounds {
		attempts := []bool{false}
		if round%3 == 2 {
			attempts = []bool{true, false}
		}
		for _, kill := range attempts {
			s := start(t, bin, data, addr, "env", "PKGMETER_NOW="+day.AddDate(0, 0, round).Format(time.RFC3339))
			s.ready(t)
			if token == "" {
				out, err := exec.CommandContext(t.Context(), bin, "--data", data, "token", "new", "--user", "admin", "--scope", "ingest").Output()
				if err != nil {
					t.Fatal(err)
				}
				token = strings.TrimSpace(string(out))
			}
			if kill {
				time.AfterFunc(time.Duration(50+ids/200)*time.Millisecond, s.kill)
			}
			err := sendIDs(t, addr, token, ids, uint64(round), &accepted)
			if err != nil && !kill {
				t.Fatal(err)
			}
			if kill || round%2 == 0 {
				s.kill()
			} else {
				s.stop(t)
			}
		}
	}
	if n := accepted.Load(); n > int64(ids) {
		t.Errorf("%d ids were accepted, of %d", n, ids)
	}
	store, err := sqlite.Open(t.Context(), data, sqlite.Options{Rule: rule.Number})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	total, err := store.Totals(t.Context(), pkgmeter.Query{Now: day.AddDate(0, 0, idRounds)})
	if err != nil || total.Hits != int64(ids) {
		t.Errorf("%d hits of %d ids sent %d times, %v", total.Hits, ids, idRounds, err)
	}
	r, err := store.Doctor(t.Context(), rule.Default(), func(int64, int64) {})
	if err != nil || len(r.Problems) > 0 || r.Events != int64(ids) {
		t.Errorf("%v, %+v", err, r)
	}
	t.Logf("%d ids, sent %d times each: %d counted", ids, idRounds, total.Hits)
}

// sendIDs posts every id once, in an order of its own.
func sendIDs(t *testing.T, addr, token string, ids int, seed uint64, accepted *atomic.Int64) error {
	order := rand.New(rand.NewPCG(seed, 3)).Perm(ids)
	var next atomic.Int64
	errs := make([]error, idSenders)
	var wg sync.WaitGroup
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: idSenders}}
	defer client.CloseIdleConnections()
	for i := range idSenders {
		wg.Go(func() {
			for errs[i] == nil {
				from := int(next.Add(idBatch)) - idBatch
				if from >= ids {
					return
				}
				var n int64
				n, errs[i] = sendBatch(t, &client, addr, token, order[from:min(from+idBatch, ids)])
				accepted.Add(n)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func sendBatch(t *testing.T, client *http.Client, addr, token string, ids []int) (accepted int64, err error) {
	var body bytes.Buffer
	for _, id := range ids {
		fmt.Fprintf(&body, `{"id":"id-%d","repository":"libs","path":"com/acme/app/1.%d/app-1.%d.jar"}`+"\n", id, id%100, id%100)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/api/v1/events", &body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return 0, err
	}
	var answer struct{ Accepted, Duplicates int64 }
	if err := json.Unmarshal(text, &answer); err != nil || answer.Accepted+answer.Duplicates != int64(len(ids)) {
		return answer.Accepted, fmt.Errorf("%s: %s, %w", resp.Status, text, err)
	}
	return answer.Accepted, nil
}
