using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using Fibers.VirtualThreads;

namespace Fibers.Diagnostics.Inspection;

/// <summary>Two threads wait for locks that a third holds, on stacks that are known. What the inspector says of them must be so.</summary>
internal static class InspectorSelfTest
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>Null: all is well. Otherwise what is not. Parks a fiber, blocks a thread, for some milliseconds.</summary>
    public static string? Run(Inspector inspector)
    {
        string? wrong = null;
        List<Thread> threads = [];
        var thread = new Thread(() => wrong = HoldAndCheck(inspector, threads), 512 * 1024) { IsBackground = true, Name = "fiber inspection" };
        thread.UnsafeStart();
        thread.Join();
        threads.ForEach(static specimen => specimen.Join()); // the locks are free
        return wrong;
    }

    private static string? HoldAndCheck(Inspector inspector, List<Thread> threads)
    {
        object monitor = new();
        var other = new Lock();
        lock (monitor)
        {
            lock (other)
            {
                return Check(inspector, threads, () => Monitor.Enter(monitor), LockKind.Monitor, static held => held.OwnerManagedId, Environment.CurrentManagedThreadId)
                    ?? Check(inspector, threads, other.Enter, LockKind.Lock, static held => held.OwnerSystemId, Outsiders.KernelId());
            }
        }
    }

    private static string? Check(Inspector inspector, List<Thread> threads, Action wait, LockKind kind, Func<HeldLock, int> ownerOf, int owner)
    {
        var specimen = new Specimen(wait);
        threads.Add(specimen.Thread);
        specimen.Thread.UnsafeStart();
        HeldLock? seen = null;
        if (!SpinWait.SpinUntil(() => (seen = specimen.Look(inspector)) is not null, s_patience))
            return $"a thread that waits for a {kind} is not seen to";
        if (seen!.Value.Kind != kind || ownerOf(seen.Value) != owner)
            return $"the owner of a {kind} was read as {ownerOf(seen.Value)} where it is {owner}";
        (StackWalker walker, MethodNames names) = inspector.Begin();
        MethodBase?[] walked = [.. walker.Walk(RuntimeThread.NativePointer(specimen.Thread)).Select(names.Find).OfType<MethodNames.Frame>().Select(static frame => frame.Method)];
        MethodBase?[] expected = [.. specimen.Trace!.GetFrames().Select(static frame => frame.GetMethod())];
        int inner = Array.IndexOf(walked, expected[0]);
        return inner > 0 && walked.AsSpan(inner).SequenceEqual(expected) ? null : $"a stack was read as {string.Join(" < ", walked.Select(static method => method?.Name))} where it is {string.Join(" < ", expected.Select(static method => method?.Name))}";
    }

    private sealed class Specimen
    {
        private readonly Action _wait;

        public Specimen(Action wait)
        {
            _wait = wait;
            Thread = new Thread(Outer, 512 * 1024) { IsBackground = true, Name = "fiber inspection specimen" };
        }

        public Thread Thread { get; }

        public StackTrace? Trace { get; private set; }

        // Null: it does not wait yet.
        public HeldLock? Look(Inspector inspector)
        {
            try
            {
                return Volatile.Read(ref _arrived) ? inspector.Locks.Read(RuntimeThread.NativePointer(Thread)) : null;
            }
            catch (UnreadableException)
            {
                return null;
            }
        }

        private bool _arrived;

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Outer() => Inner();

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Inner()
        {
            Trace = new StackTrace(fNeedFileInfo: false);
            Volatile.Write(ref _arrived, true);
            _wait();
        }
    }
}
