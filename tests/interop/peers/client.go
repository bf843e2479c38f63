package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"
)

var client = &http.Client{Timeout: 30 * time.Second}

// A wrong result ends the program.
func expect(holds bool, about ...any) {
	if !holds {
		panic(fmt.Sprintln(about...))
	}
}

func ask(method, url string, body io.Reader, fields ...string) *http.Response {
	request, err := http.NewRequest(method, url, body)
	expect(err == nil, url, err)
	for n := 0; n < len(fields); n += 2 {
		request.Header.Set(fields[n], fields[n+1])
	}
	response, err := client.Do(request)
	expect(err == nil, method, url, err)
	return response
}

// The body of a response, which must be whole.
func read(response *http.Response) string {
	text, err := io.ReadAll(response.Body)
	response.Body.Close()
	expect(err == nil, response.Request.URL, err)
	return string(text)
}

func get(url string, fields ...string) (*http.Response, string) {
	response := ask("GET", url, nil, fields...)
	return response, read(response)
}

func files(url string) {
	pattern := make([]byte, 1_000_000)
	for n := range pattern {
		pattern[n] = byte(n % 251)
	}
	whole, text := get(url + "/pattern.bin")
	expect(text == string(pattern) && whole.ContentLength == 1_000_000, "the whole file")
	tag := whole.Header.Get("Etag")

	part, text := get(url+"/pattern.bin", "Range", "bytes=100-199", "If-Range", tag)
	expect(part.StatusCode == 206 && text == string(pattern[100:200]), part.Status)
	_, text = get(url+"/pattern.bin", "Range", "bytes=100-199", "If-Range", `"other"`)
	expect(text == string(pattern), "If-Range of another file")
	part, _ = get(url+"/pattern.bin", "Range", "bytes=1000000-")
	expect(part.StatusCode == 416 && part.Header.Get("Content-Range") == "bytes */1000000", part.Header)

	several := ask("GET", url+"/pattern.bin", nil, "Range", "bytes=0-9,500000-500009,-10")
	kind, parameters, err := mime.ParseMediaType(several.Header.Get("Content-Type"))
	expect(err == nil && kind == "multipart/byteranges", several.Header)
	parts := multipart.NewReader(several.Body, parameters["boundary"])
	for _, place := range []int{0, 500_000, 999_990} {
		part, err := parts.NextPart()
		expect(err == nil, place, err)
		text, err := io.ReadAll(part)
		expect(err == nil && bytes.Equal(text, pattern[place:place+10]), place, text)
		expect(part.Header.Get("Content-Range") == fmt.Sprintf("bytes %d-%d/1000000", place, place+9), part.Header)
	}
	_, err = parts.NextPart()
	expect(err == io.EOF, err)
	several.Body.Close()

	head := ask("HEAD", url+"/pattern.bin", nil)
	expect(head.ContentLength == 1_000_000 && read(head) == "", head.Header)
	same, text := get(url+"/pattern.bin", "If-None-Match", tag)
	expect(same.StatusCode == 304 && text == "", same.Status)
}

// A form whose file is written while it is sent, in chunks.
func form(url string) {
	out, in := io.Pipe()
	writer := multipart.NewWriter(in)
	go func() {
		writer.WriteField("field", "wert é")
		part, _ := writer.CreateFormFile("file", "a \"name\".txt")
		for range 1000 {
			io.WriteString(part, strings.Repeat("x", 1000))
		}
		writer.Close()
		in.Close()
	}()
	response := ask("POST", url+"/post", out, "Content-Type", writer.FormDataContentType())
	var seen struct{ Form, Files map[string]string }
	err := json.Unmarshal([]byte(read(response)), &seen)
	expect(err == nil && seen.Form["field"] == "wert é" && len(seen.Files["file"]) == 1_000_000, err, seen.Form)
	// Go asks for gzip, and decodes it.
	response, text := get(url + "/gzip")
	expect(response.Uncompressed && strings.Contains(text, `"gzipped": true`), response.Header, text)
}

func connection(url string) {
	addrs := map[string]bool{}
	for range 20 {
		_, text := get(url + "/addr")
		addrs[text] = true
	}
	expect(len(addrs) == 1, addrs)

	response, text := get(url + "/trailers")
	expect(text == "hello" && response.Trailer.Get("X-Checksum") == "5d41402a", response.Trailer)

	var hints []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(status int, header textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprint(status, " ", header.Get("Link")))
		return nil
	}}
	traced := httptrace.WithClientTrace(context.Background(), trace)
	request, _ := http.NewRequestWithContext(traced, "GET", url+"/early-hints", nil)
	response, err := client.Do(request)
	expect(err == nil && read(response) == "ok\n", err)
	expect(len(hints) == 1 && hints[0] == "103 </style.css>; rel=preload", hints)

	// The response comes while the body is sent.
	for range 5 {
		endless := io.LimitReader(zeros{}, 1<<32)
		refused := ask("POST", url+"/early", endless)
		expect(refused.StatusCode == 403 && read(refused) == "no\n", refused.Status)
	}
	body := strings.Repeat("0123456789", 300_000)
	request, _ = http.NewRequest("POST", url+"/echo", io.MultiReader(strings.NewReader(body)))
	request.Trailer = http.Header{"X-Sum": {"7"}}
	response, err = client.Do(request)
	expect(err == nil && read(response) == body, err)
	expect(response.Trailer.Get("X-Sum") == "7", response.Trailer)

	request, _ = http.NewRequest("GET", url+"/hijack", nil)
	request.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"echo"}}
	// A client with a time limit wraps the body.
	upgraded, err := http.DefaultTransport.RoundTrip(request)
	expect(err == nil && upgraded.StatusCode == 101, err)
	duplex := upgraded.Body.(io.ReadWriteCloser)
	for n := range 100 {
		sent := fmt.Sprint("message ", n)
		io.WriteString(duplex, sent)
		received := make([]byte, len(sent))
		_, err := io.ReadFull(duplex, received)
		expect(err == nil && string(received) == sent, err)
	}
	duplex.Close()

	// A client that leaves ends the response, on every connection of its way.
	stream := ask("GET", url+"/stream/1000000?ms=5", nil)
	line, err := bufio.NewReader(stream.Body).ReadString('\n')
	expect(err == nil && line == "line 1\n", line, err)
	stream.Body.Close()
	for begun := time.Now(); ; {
		_, text := get(url + "/state")
		var states struct{ Active struct{ Now int } }
		err := json.Unmarshal([]byte(text), &states)
		expect(err == nil && time.Since(begun) < 20*time.Second, text)
		if states.Active.Now == 1 { // this request
			break
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// The events of a stream, each with its id.
func events(url string) {
	post := func(text string) {
		message, _ := json.Marshal(map[string]string{"name": "gopher", "text": text})
		response := ask("POST", url+"/messages", bytes.NewReader(message), "Content-Type", "application/json")
		expect(response.StatusCode == 201, response.Status, read(response))
	}
	_, history := get(url + "/messages")
	last := strconv.Itoa(strings.Count(history, `"id"`))
	stream := ask("GET", url+"/events", nil, "Last-Event-ID", last)
	expect(stream.Header.Get("Content-Type") == "text/event-stream", stream.Header)
	lines := bufio.NewScanner(stream.Body)
	for n := range 5 {
		// Each arrives before the next is sent.
		text := fmt.Sprint("message ", n, " é")
		post(text)
		var id, data string
		for lines.Scan() && !(lines.Text() == "" && data != "") {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch field {
			case "id":
				id = value
			case "data":
				data = value
			}
		}
		var message struct{ Text string }
		err := json.Unmarshal([]byte(data), &message)
		expect(err == nil && message.Text == text && id != "", id, data)
	}
	stream.Body.Close()
}

func main() {
	urls := os.Args[1:]
	for shift := 0; shift <= 4; shift += 4 {
		files(urls[shift])
		form(urls[shift+1])
		connection(urls[shift+2])
	}
	events(urls[3])
	events(urls[7])
	fmt.Println("ok")
}
