using Fibers.Diagnostics;
using Fibers.Native;
using Fibers.Parking;
using Fibers.VirtualThreads;

namespace Fibers.Scheduling;

/// <summary>The C# end of the native inbox: takes what native wakers pushed. Invariant and ordering: inbox.c.</summary>
internal sealed unsafe class Inbox : IDisposable
{
    public Inbox()
    {
        Native = Shim.fibers_inbox_create();
        if (Native == null)
            throw new OutOfMemoryException("No memory or descriptor for a scheduler's inbox.");
    }

    public NativeInbox* Native { get; }

    public bool IsEmpty => (nint)Volatile.Read(ref *(nint*)&Native->Head) == 0;

    public long Pushes => (long)Volatile.Read(ref Native->Pushes);

    public long Rescued => (long)Volatile.Read(ref Native->Rescued);

    /// <summary>Carrier only. Everything woken natively becomes runnable on <paramref name="carrier"/>, oldest first. Returns how many.</summary>
    public int Drain(Carrier carrier)
    {
        if (IsEmpty)
            return 0;
        var list = (NativeVThread*)Interlocked.Exchange(ref *(nint*)&Native->Head, 0);
        NativeVThread* oldestFirst = null;
        while (list != null)
        {
            NativeVThread* next = list->InboxNext;
            list->InboxNext = oldestFirst;
            oldestFirst = list;
            list = next;
        }

        int count = 0;
        for (NativeVThread* thread = oldestFirst; thread != null; count++)
        {
            NativeVThread* next = thread->InboxNext; // before it can run again
            VirtualThread woken = VirtualThread.Of(thread);
            if (thread->Uncommitted != 0)
            {
                thread->Uncommitted = 0; // it left on the rescue carrier: its request is ours to perform
                ParkCommit.Perform(carrier, woken);
            }
            else
            {
                Probe.Current?.Woken(woken.Fiber!, ParkWord.Read(ref thread->ParkWord).Wake, null, null);
                carrier.PushLocal(woken.Fiber!);
            }

            thread = next;
        }

        return count;
    }

    public void Dispose() => Shim.fibers_inbox_destroy(Native);
}
