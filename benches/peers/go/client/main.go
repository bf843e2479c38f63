// Go's net/http as a client, shared by all goroutines. It takes the options of the other clients and
// prints the same line (see src/load.rs).
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

var (
	seconds = flag.Float64("d", 5, "seconds")
	threads = flag.Int("c", 1, "goroutines")
	send    = flag.Int64("send", 0, "bytes to post")
)

// tally holds the results of one goroutine. Latencies are counted by the microsecond. Longer ones
// count with the last.
type tally struct {
	requests, errors, bytes int64
	latencies               [100_000]uint32
}

// endless is the source of bodies. It copies, as the other clients' sources do.
type endless struct{}

var block = bytes.Repeat([]byte("x"), 64*1024)

func (endless) Read(p []byte) (int, error) { return copy(p, block), nil }

func main() {
	flag.Parse()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: *threads}}
	tallies := make([]tally, *threads)
	var running sync.WaitGroup
	before, began := cpu(), time.Now()
	for i := range tallies {
		running.Add(1)
		go func() {
			defer running.Done()
			tallies[i].run(client, flag.Arg(0), began.Add(time.Duration(*seconds*1e9)))
		}()
	}
	running.Wait()
	report(tallies, time.Since(began), cpu()-before)
}

func (t *tally) run(client *http.Client, url string, end time.Time) {
	for now := time.Now(); now.Before(end); {
		read, err := exchange(client, url)
		after := time.Now()
		if err != nil {
			t.errors++
			time.Sleep(10 * time.Millisecond)
		} else {
			t.requests++
			t.bytes += read + *send
			t.latencies[min(int(after.Sub(now).Microseconds()), len(t.latencies)-1)]++
		}
		now = after
	}
}

func exchange(client *http.Client, url string) (int64, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if *send > 0 {
		method, body = http.MethodPost, io.LimitReader(endless{}, *send)
	}
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return 0, err
	}
	request.ContentLength = *send
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	return io.Copy(io.Discard, response.Body)
}

func report(tallies []tally, took, cpu time.Duration) {
	all := &tallies[0]
	for i := range tallies[1:] {
		other := &tallies[i+1]
		all.requests += other.requests
		all.errors += other.errors
		all.bytes += other.bytes
		for at, count := range other.latencies {
			all.latencies[at] += count
		}
	}
	line := map[string]any{
		"requests": all.requests,
		"errors":   all.errors,
		"seconds":  took.Seconds(),
		"rps":      float64(all.requests) / took.Seconds(),
		"bytes":    all.bytes,
		"latency_us": map[string]int{
			"p50": all.quantile(0.5), "p90": all.quantile(0.9),
			"p99": all.quantile(0.99), "max": all.quantile(1),
		},
		"cpu_us":   float64(cpu) / 1e3,
		"peak_kib": peak(),
	}
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		log.Fatal(err)
	}
}

// quantile returns the latency in microseconds that this fraction of all does not exceed.
func (t *tally) quantile(part float64) int {
	rank, passed := max(int64(part*float64(t.requests)), 1), int64(0)
	for micros, count := range t.latencies {
		if passed += int64(count); passed >= rank {
			return micros
		}
	}
	return 0
}

// cpu returns the CPU time of this process so far, user and system.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// peak returns the peak of resident memory in KiB.
func peak() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	digits, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kib, _ := strconv.ParseInt(digits, 10, 64)
	return kib
}
