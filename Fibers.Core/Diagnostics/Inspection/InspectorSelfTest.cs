using System.Diagnostics;
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
        // It may still be on its way into the wait when it is first seen to: until it stands, what is read may be wrong or unreadable.
        string? wrong = "";
        SpinWait.SpinUntil(() => (wrong = Judge(inspector, specimen, kind, ownerOf, owner)) is null, s_patience);
        return wrong;
    }

    private static string? Judge(Inspector inspector, Specimen specimen, LockKind kind, Func<HeldLock, int> ownerOf, int owner)
    {
        try
        {
            if (specimen.Trace is not { } trace || inspector.Locks.Read(RuntimeThread.NativePointer(specimen.Thread)) is not { } seen)
                return $"a thread that waits for a {kind} is not seen to";
            if (seen.Kind != kind || ownerOf(seen) != owner)
                return $"the owner of a {kind} was read as {ownerOf(seen)} where it is {owner}";
            (StackWalker walker, MethodNames names) = inspector.Begin();
            string[] walked = [.. walker.Walk(RuntimeThread.NativePointer(specimen.Thread)).Select(names.Find).OfType<MethodNames.Frame>().Select(static frame => $"{frame.Method?.DeclaringType?.FullName}.{frame.Method?.Name}")];
            string[] expected = [.. trace.GetFrames().Select(DiagnosticMethodInfo.Create).Select(static method => $"{method?.DeclaringTypeName}.{method?.Name}")];
            int inner = Array.IndexOf(walked, expected[0]);
            return inner > 0 && walked.AsSpan(inner).SequenceEqual(expected) ? null : $"a stack was read as {string.Join(" < ", walked)} where it is {string.Join(" < ", expected)}";
        }
        catch (UnreadableException exception)
        {
            return exception.Message;
        }
    }

    private sealed class Specimen
    {
        private readonly Action _wait;
        private StackTrace? _trace;

        public Specimen(Action wait)
        {
            _wait = wait;
            Thread = new Thread(Outer, 512 * 1024) { IsBackground = true, Name = "fiber inspection specimen" };
        }

        public Thread Thread { get; }

        /// <summary>Null until it is about to wait.</summary>
        public StackTrace? Trace => Volatile.Read(ref _trace);

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Outer() => Inner();

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Inner()
        {
            Volatile.Write(ref _trace, new StackTrace(fNeedFileInfo: false));
            _wait();
        }
    }
}
