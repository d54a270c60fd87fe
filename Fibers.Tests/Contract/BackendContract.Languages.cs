using System.Collections.Concurrent;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

// Cases from other systems. What must come out is what their documents say; each test names the document.
public abstract partial class BackendContract
{
    [Fact] // Python, asyncio.TaskGroup: "the first time any of the tasks ... fails with an exception other than CancelledError, the remaining tasks in the group are cancelled"
    public void Python_TaskGroup_with_a_failing_child() => OnAConcurrentFiber(() =>
    {
        Fiber.SpawnConcurrent(() => { }).Join(); // where it is refused, here: a group would wrap it
        bool cancelled = false;
        Should.Throw<AggregateException>(() => FiberGroup.Run(group =>
        {
            Fiber subtask = group.SpawnConcurrent(() =>
            {
                try
                {
                    Fiber.Sleep(s_long);
                }
                catch (OperationCanceledException)
                {
                    cancelled = true;
                    throw;
                }
            });
            WaitUntilParked([subtask]);
            group.SpawnConcurrent(Throw);
        })).InnerExceptions.ShouldHaveSingleItem(); // ExceptionGroup: without the cancellations
        cancelled.ShouldBeTrue();
    });

    [Fact] // "async with asyncio.timeout(5.0): ... except asyncio.TimeoutError: return fallback_response()"
    public void Python_timeout_around_a_slow_call() => OnAFiber(() =>
    {
        string FetchWithTimeout()
        {
            try
            {
                using (Fiber.Timeout(s_soon))
                {
                    Thread.Sleep(s_long); // fetch("slow.com")
                    return "response";
                }
            }
            catch (TimeoutException)
            {
                return "fallback";
            }
        }

        FetchWithTimeout().ShouldBe("fallback");
    });

    [Fact] // asyncio.Queue(maxsize): "await put() blocks when the queue reaches maxsize until an item is removed"
    public void Python_bounded_queue_with_a_slow_consumer() => OnAConcurrentFiber(() =>
    {
        const int bound = 10, items = 300;
        var queue = new FiberChannel<int>(bound);
        int produced = 0, ahead = 0;
        var received = new List<int>();
        FiberGroup.Run(group =>
        {
            group.SpawnConcurrent(() =>
            {
                for (int i = 0; i < items; i++)
                {
                    queue.Send(i);
                    Volatile.Write(ref produced, i + 1);
                }

                queue.Close();
            });
            foreach (int item in queue)
            {
                received.Add(item);
                ahead = Math.Max(ahead, Volatile.Read(ref produced) - received.Count);
                Fiber.Yield();
            }
        });
        received.ShouldBe(Enumerable.Range(0, items));
        ahead.ShouldBeLessThanOrEqualTo(bound); // back-pressure
    });

    [Fact] // "Cancelling the parent cancels both subtasks ... Clean up resources ... Re-raise to propagate cancellation"
    public void Python_cancellation_runs_the_cleanup_and_propagates() => OnAConcurrentRuntime(runtime =>
    {
        int subtasks = 0;
        bool cleaned = false;
        var ready = new FiberChannel<bool>(2);
        Fiber parent = runtime.SpawnConcurrent(() =>
        {
            try
            {
                Fiber.All(Subtask, Subtask);
            }
            catch (OperationCanceledException)
            {
                Fiber.Sleep(TimeSpan.FromMilliseconds(1)); // await cleanup(): delivered once, so this waits
                cleaned = true;
                throw;
            }
        });

        void Subtask()
        {
            ready.Send(true);
            try
            {
                Thread.Sleep(s_long);
            }
            finally
            {
                Interlocked.Increment(ref subtasks);
            }
        }

        ready.Receive();
        ready.Receive();
        Should.Throw<OperationCanceledException>(parent.Cancel);
        cleaned.ShouldBeTrue();
        subtasks.ShouldBe(2);
        parent.Status.ShouldBe(FiberStatus.Canceled);
    });

    [Fact] // "Goroutines are cheap - you can create millions: for i := 0; i < 1000000; i++ { go handleRequest(i) }"
    public void Go_a_million_short_fibers() => OnARuntime(runtime =>
    {
        int count = backend == FiberBackend.Threads ? 10_000 : 1_000_000; // there it is a kernel thread each
        long sum = 0;
        runtime.Run(() =>
        {
            using var group = new FiberGroup();
            for (int i = 0; i < count; i++)
                group.Spawn(() => Interlocked.Increment(ref sum));
            group.Join();
        });
        sum.ShouldBe(count);
        ShouldBecomeEmpty(runtime);
    });

    [Fact] // "ch := make(chan int); go func() { ch <- 42 }(); value := <-ch"
    public void Go_a_value_through_a_channel() => OnAConcurrentFiber(() =>
    {
        var ch = new FiberChannel<int>();
        using Fiber sender = Fiber.SpawnConcurrent(() => ch.Send(42));
        ch.Receive().ShouldBe(42);
    });

    [Fact] // The prime sieve and the daisy chain of the Go talks: each hands on to its right neighbour.
    public void Go_a_ring_of_channels() => OnAConcurrentFiber(() =>
    {
        int size = backend == FiberBackend.Native ? 1_000 : 100;
        FiberChannel<int>[] ring = [.. Enumerable.Range(0, size + 1).Select(static _ => new FiberChannel<int>())];
        using var group = new FiberGroup();
        for (int i = 0; i < size; i++)
        {
            (FiberChannel<int> right, FiberChannel<int> left) = (ring[i], ring[i + 1]);
            group.SpawnConcurrent(() => right.Send(left.Receive() + 1));
        }

        group.SpawnConcurrent(() => ring[size].Send(1));
        ring[0].Receive().ShouldBe(size + 1);
        group.Join();
    });

    [Fact] // "select { case msg1 := <-ch1: ... case msg2 := <-ch2: ... case <-time.After(1 * time.Second): Timeout }"
    public void Go_select_with_a_timeout() => OnAFiber(() =>
    {
        FiberChannel<string> ch1 = new(1), ch2 = new(1);
        var printed = new List<string>();
        void Select() => new FiberSelect().Receive(ch1, printed.Add).Receive(ch2, printed.Add).Timeout(s_soon, () => printed.Add("Timeout")).Run();
        Select();
        ch2.Send("msg2");
        Select();
        ch1.Send("msg1");
        Select();
        printed.ShouldBe(["Timeout", "msg2", "msg1"]);
    });

    [Fact] // tokio: ten tasks sleep and return i * 2; each handle's await gives its own value
    public void Rust_ten_tasks_and_their_values() => OnAFiber(() =>
    {
        Fiber<int>[] handles = [.. Enumerable.Range(0, 10).Select(static i => Fiber.Spawn(() =>
        {
            Fiber.Sleep(TimeSpan.FromMilliseconds(1));
            return i * 2;
        }))];
        handles.Select(static handle => handle.Join()).ShouldBe(Enumerable.Range(0, 10).Select(static i => i * 2));
    });

    [Fact] // "With 1000 threads, counter may be <1000. Or use message passing"
    public void Python_a_counter_by_lock_and_by_message_passing() => OnAFiber(() =>
    {
        int count = Many, locked = 0;
        var gate = new object();
        FiberChannel<int> increments = FiberChannel<int>.Unbounded();
        Fiber.ForEach(Enumerable.Range(0, count), 50, _ =>
        {
            lock (gate)
                locked++;
            increments.Send(1);
        });
        increments.Close();
        locked.ShouldBe(count);
        increments.Sum().ShouldBe(count);
    });

    [Fact] // JavaScript's Promise.all, any, race and allSettled (ECMAScript, 27.2.4): values in order of the arguments; any: AggregateError when all reject; race: the first to settle decides
    public void JavaScript_promise_combinators() => OnAFiber(() =>
    {
        static string Reject() => throw new InvalidDataException("no");
        Fiber.All(() => "a", () => "b").ShouldBe(["a", "b"]);
        Fiber.Any(Reject, () => "b").ShouldBe("b");
        Should.Throw<AggregateException>(() => Fiber.Any(Reject, Reject));
        Should.Throw<InvalidDataException>(() => Fiber.First(Reject));
        Fiber.Settle(() => "a", Reject).Select(static settled => settled.Exception is null).ShouldBe([true, false]);
    });
}
