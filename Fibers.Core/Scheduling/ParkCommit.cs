using System.Diagnostics;
using System.Runtime.CompilerServices;
using Fibers.Diagnostics;
using Fibers.Native;
using Fibers.Parking;
using Fibers.VirtualThreads;

namespace Fibers.Scheduling;

/// <summary>
/// What a carrier does for a fiber that has just left it: a closed list. The one place where "may it be made runnable?" is settled.
/// SEE park-commit
/// </summary>
/// <remarks>
/// Runs when the fiber's context is saved: on the carrier's own stack, or on that of the fiber it handed the carrier to (then only Yield,
/// Park without a deadline, and Finished for the one that joined it). Everything of the request is read before the last compare-exchange: after it another carrier may already run the fiber, and nothing of it may be
/// touched. The rescue carrier follows the same table natively (rescue.c).
/// </remarks>
internal static unsafe class ParkCommit
{
    /// <param name="carrier">The carrier it has left.</param>
    /// <param name="thread">The one that left.</param>
    /// <param name="heir">The one it handed the carrier to, which is the caller; null: the caller is the carrier.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Perform(Carrier carrier, VirtualThread thread, VirtualThread? heir = null)
    {
        ref readonly NativeRequest request = ref thread.Native->Request;
        switch ((RequestKind)request.Kind)
        {
            case RequestKind.Yield:
                carrier.PushYielded(thread.Fiber!);
                break;
            case RequestKind.Finished:
                carrier.Finish(thread, heir);
                break;
            case RequestKind.Park:
                Prepare(carrier, thread, in request);
                Commit(carrier, thread, request.ParkNumber);
                break;
            case RequestKind.Descriptor:
                Prepare(carrier, thread, in request);
                carrier.Scheduler.Poller.Descriptors.Wait(thread, in request);
                Commit(carrier, thread, request.ParkNumber);
                break;
            case RequestKind.Poll:
                Prepare(carrier, thread, in request);
                carrier.Scheduler.Poller.Descriptors.WaitAny(thread, new ReadOnlySpan<NativePollEntry>(request.PollEntries, request.Descriptor), request.ParkNumber);
                Commit(carrier, thread, request.ParkNumber);
                break;
            default:
                throw new UnreachableException($"A fiber left with request {request.Kind}.");
        }
    }

    /// <summary>Before it runs again: it leaves the timers and descriptor lists that did not wake it.</summary>
    public static void Undo(Scheduler scheduler, VirtualThread thread)
    {
        if (thread.Timer is { } timer)
            scheduler.Timers.Remove(timer);
        Polling.DescriptorTable.Leave(thread);
    }

    private static void Prepare(Carrier carrier, VirtualThread thread, in NativeRequest request)
    {
        thread.ParkedAt(carrier.Scheduler.CoarseMs);
        if (request.DeadlineNs != Clock.Never)
            carrier.Scheduler.AddTimer(thread.NeedTimer(), request.DeadlineNs, request.ParkNumber);
    }

    // SEE park-commit
    private static void Commit(Carrier carrier, VirtualThread thread, ulong number)
    {
        ref ulong word = ref thread.Native->ParkWord;
        if (thread.Native->Request.Reason == (uint)ParkReason.RuntimeWait)
            InterruptIfCanceled(thread);
        if (ParkWord.TryChange(ref word, ParkWord.Pack(number, Wake.None, ParkState.Parking), ParkWord.Pack(number, Wake.None, ParkState.Parked)))
        {
            // Parked; from here it belongs to whoever claims the number. A request to cancel that came before it parked woke nobody:
            // what we read may be about a later park by now, but the number protects that one.
            if (IsCancelPending(thread))
                thread.TryWake(number, Wake.Canceled);
            return;
        }

        ParkWord notified = ParkWord.Read(ref word);
        if (notified.Number == number && notified.State == ParkState.Notified &&
            ParkWord.TryChange(ref word, notified, ParkWord.Pack(number, notified.Wake, ParkState.Runnable)))
        {
            if (Probe.Current is { } probe)
                thread.ReportNotified(probe, notified);
            carrier.PushNext(thread.Fiber!); // woken while it was leaving
        }
        // Otherwise the rescue carrier has taken it.
    }

    private static bool IsCancelPending(VirtualThread thread) =>
        (Volatile.Read(ref thread.Native->CancelWord) & Fiber.CancelPending) != 0 && thread.Native->Shielded == 0; // pairs with Fiber.Nudge

    // A wait of the runtime ends only by an interrupt, and no number protects that: so it is sent while the fiber is still ours.
    private static void InterruptIfCanceled(VirtualThread thread)
    {
        Interlocked.MemoryBarrier(); // the fiber's Parking before our look at the request; pairs with Fiber.Nudge
        if (IsCancelPending(thread))
            thread.Running?.InterruptWaitFromCommit(thread);
    }
}
