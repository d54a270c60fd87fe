using System.Collections.Concurrent;
using System.Text;

namespace Fibers.Demos;

/// <summary>
/// await is no switch: it only may be one. Two async methods on one thread that await something already done run one after the other. Fibers have the same choice, but the choice is
/// the callee's, and no method between has to say async.
/// </summary>
internal static class NoopAwait
{
    public static void Run()
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 1 });
        string noop = OnOneThread(static (name, log) => Say(name, log, static () => Task.CompletedTask));
        Claim.That(noop == "foo foo foo bar bar bar", $"await of a finished task:    {noop}   (no await in it ever gave way)");
        string yields = OnOneThread(static (name, log) => Say(name, log, static async () => await Task.Yield()));
        Claim.That(yields == "foo bar foo bar foo bar", $"await Task.Yield():          {yields}   (and every caller up to the top is async)");
        string plain = OnOneCarrier(runtime, static () => { });
        Claim.That(plain == "foo foo foo bar bar bar", $"fiber, call returns at once: {plain}");
        string parks = OnOneCarrier(runtime, Fiber.Yield);
        Claim.That(parks == "foo bar foo bar foo bar", $"fiber, call parks:           {parks}   (the same method: it does not know which it got)");
    }

    private static async Task Say(string name, StringBuilder log, Func<Task> between)
    {
        for (int i = 0; i < 3; i++)
        {
            log.Append(name).Append(' ');
            await between();
        }
    }

    private static void Say(string name, StringBuilder log, Action between)
    {
        for (int i = 0; i < 3; i++)
        {
            log.Append(name).Append(' ');
            between();
        }
    }

    private static string OnOneCarrier(FiberRuntime runtime, Action between)
    {
        var log = new StringBuilder();
        runtime.Run(() =>
        {
            var names = new Queue<string>(["foo", "bar"]); // whoever begins first is foo
            Fiber one = Fiber.SpawnConcurrent(() => Say(names.Dequeue(), log, between)), other = Fiber.SpawnConcurrent(() => Say(names.Dequeue(), log, between));
            one.Join();
            other.Join();
        });
        return log.ToString().TrimEnd();
    }

    // An event loop in its smallest form: continuations queue up, one thread runs them.
    private static string OnOneThread(Func<string, StringBuilder, Task> say)
    {
        var log = new StringBuilder();
        var loop = new Loop();
        SynchronizationContext? before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(loop);
        Task all = Task.WhenAll(say("foo", log), say("bar", log));
        loop.RunUntil(all);
        SynchronizationContext.SetSynchronizationContext(before);
        return log.ToString().TrimEnd();
    }

    private sealed class Loop : SynchronizationContext
    {
        private readonly ConcurrentQueue<(SendOrPostCallback Continue, object? State)> _queue = new();

        public override void Post(SendOrPostCallback callback, object? state) => _queue.Enqueue((callback, state));

        public void RunUntil(Task task)
        {
            while (!task.IsCompleted && _queue.TryDequeue(out (SendOrPostCallback Continue, object? State) next))
                next.Continue(next.State);
        }
    }
}
