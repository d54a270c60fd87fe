// The Go twin of the benchmarks: the same questions, asked of goroutines. Prints one figure, or serves.
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	if err != nil {
		panic(err)
	}
	return n
}

// Nanoseconds of wall time and of processor time, per operation.
func report(operations int, start time.Time) {
	elapsed := time.Since(start)
	fmt.Printf("%.3f %.3f\n", float64(elapsed.Nanoseconds())/float64(operations), float64(processorTime().Nanoseconds())/float64(operations))
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// yield N EACH PROCS
func yield() {
	n, each := number(2), number(3)
	runtime.GOMAXPROCS(number(4))
	var all sync.WaitGroup
	start := time.Now()
	for i := 0; i < n; i++ {
		all.Add(1)
		go func() {
			for turn := 0; turn < each; turn++ {
				runtime.Gosched()
			}
			all.Done()
		}()
	}
	all.Wait()
	report(n*each, start)
}

// spawn TIMES PROCS
func spawn() {
	times := number(2)
	runtime.GOMAXPROCS(number(3))
	start := time.Now()
	for i := 0; i < times; i++ {
		done := make(chan struct{})
		go func() { close(done) }()
		<-done
	}
	report(times, start)
}

// spawn-many MANY PROCS
func spawnMany() {
	many := number(2)
	runtime.GOMAXPROCS(number(3))
	var all sync.WaitGroup
	all.Add(many)
	start := time.Now()
	for i := 0; i < many; i++ {
		go all.Done()
	}
	all.Wait()
	report(many, start)
}

// channel TIMES PROCS
func channel() {
	times := number(2)
	runtime.GOMAXPROCS(number(3))
	there, back := make(chan int, 1), make(chan int, 1)
	go func() {
		for i := 0; i < times; i++ {
			back <- <-there
		}
	}()
	start := time.Now()
	for i := 0; i < times; i++ {
		there <- i
		if <-back != i {
			panic("another number came back")
		}
	}
	report(times, start)
}

// lock WORKERS EACH YIELDEVERY
func lock() {
	workers, each, yieldEvery := number(2), number(3), number(4)
	var gate sync.Mutex
	var all sync.WaitGroup
	count := 0
	start := time.Now()
	for i := 0; i < workers; i++ {
		all.Add(1)
		go func() {
			for turn := 0; turn < each; turn++ {
				gate.Lock()
				count++
				if turn%yieldEvery == 0 {
					runtime.Gosched()
				}
				gate.Unlock()
			}
			all.Done()
		}()
	}
	all.Wait()
	report(workers*each, start)
}

// cancel MANY TIMES: each waits for a context of its own
func cancel() {
	many, times := number(2), number(3)
	var elapsed, processor time.Duration
	for turn := 0; turn < times; turn++ {
		var arrived, ended sync.WaitGroup
		arrived.Add(many)
		ended.Add(many)
		cancels := make([]context.CancelFunc, many)
		for i := range cancels {
			var ctx context.Context
			ctx, cancels[i] = context.WithCancel(context.Background())
			go func() {
				arrived.Done()
				<-ctx.Done()
				ended.Done()
			}()
		}
		arrived.Wait()
		start, before := time.Now(), processorTime()
		for _, cancel := range cancels {
			cancel()
		}
		ended.Wait()
		elapsed += time.Since(start)
		processor += processorTime() - before
	}
	operations := float64(many) * float64(times)
	fmt.Printf("%.3f %.3f\n", float64(elapsed.Nanoseconds())/operations, float64(processor.Nanoseconds())/operations)
}

var response = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!")

func serveHTTP(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, 4096)
	filled := 0
	for {
		count, err := connection.Read(buffer[filled:])
		if err != nil {
			return
		}
		filled += count
		for {
			end := bytes.Index(buffer[:filled], []byte("\r\n\r\n"))
			if end < 0 {
				break
			}
			copy(buffer, buffer[end+4:filled])
			filled -= end + 4
			if _, err := connection.Write(response); err != nil {
				return
			}
		}
	}
}

func serveEcho(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, 512)
	for {
		count, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:count]); err != nil {
			return
		}
	}
}

// Prints its port; ends at the end of input.
func serve(each func(net.Conn)) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go each(connection)
		}
	}()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	io.Copy(io.Discard, bufio.NewReader(os.Stdin))
}

func main() {
	switch os.Args[1] {
	case "yield":
		yield()
	case "spawn":
		spawn()
	case "spawn-many":
		spawnMany()
	case "channel":
		channel()
	case "lock":
		lock()
	case "cancel":
		cancel()
	case "http":
		serve(serveHTTP)
	case "echo":
		serve(serveEcho)
	default:
		os.Exit(64)
	}
}
