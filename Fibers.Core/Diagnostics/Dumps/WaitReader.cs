using Fibers.Diagnostics.Inspection;
using Fibers.Native;
using Fibers.Parking;
using Fibers.VirtualThreads;

namespace Fibers.Diagnostics.Dumps;

/// <summary>Why a parked virtual thread waits, in people's terms. Reads what it left when it parked; the caller makes sure that it stood all the while.</summary>
internal static unsafe class WaitReader
{
    private const int MaxMembers = 1_000; // of a group, named one by one

    public static WaitSnapshot Read(VirtualThread thread, Parties parties)
    {
        NativeRequest request = thread.Native->Request;
        var reason = (ParkReason)request.Reason;
        double? left = request.DeadlineNs == Clock.Never ? null : Math.Max(0, (request.DeadlineNs - Clock.Now) / 1e9);
        WaitSnapshot wait = reason switch
        {
            ParkReason.Read => Descriptor(reason, "reading from", request.Descriptor),
            ParkReason.Write => Descriptor(reason, "writing to", request.Descriptor),
            ParkReason.Connect => Descriptor(reason, "connecting to", request.Descriptor),
            ParkReason.Accept => new WaitSnapshot(reason.ToString(), $"accepting on {DescriptorNames.Local(request.Descriptor) ?? "a socket"} (fd {request.Descriptor})") { Descriptor = request.Descriptor, Peer = DescriptorNames.Local(request.Descriptor) },
            ParkReason.Poll => new WaitSnapshot(reason.ToString(), $"polling {Count(request.Descriptor, "descriptor")}"),
            ParkReason.RuntimeWait => Inspector.Current?.Locks.Read(RuntimeThread.NativePointer(thread.Thread!)) is { } held ? Lock(held, parties) : InRuntime(left),
            ParkReason.Sleep => new WaitSnapshot(reason.ToString(), left is null ? "sleeping for ever" : "sleeping"),
            ParkReason.File => new WaitSnapshot(reason.ToString(), "waiting for a file operation"),
            ParkReason.Name => new WaitSnapshot(reason.ToString(), "looking up a name"),
            ParkReason.Process => new WaitSnapshot(reason.ToString(), "waiting for a child process"),
            ParkReason.Task => new WaitSnapshot(reason.ToString(), "waiting for a task"),
            _ => InLibrary(reason, thread.WaitsFor),
        };
        wait = wait with { LeftSeconds = left, Stamp = thread.State.Number, On = left is null ? wait.On : [] };
        return wait with { Text = wait.Left(wait.Text) };
    }

    /// <summary>For any parker: an ordinary thread may wait in the library too.</summary>
    public static WaitSnapshot InLibrary(ParkReason reason, object? waitsFor) => waitsFor switch
    {
        Fiber fiber => new WaitSnapshot(reason.ToString(), $"joining {Lower(fiber)}") { On = [Parties.Of(fiber)] },
        FiberGroup group => new WaitSnapshot(reason.ToString(), $"waiting for the members of {group}") { On = [.. group.Members().Take(MaxMembers).Select(Parties.Of)] },
        ChannelEnd { Sends: true } end => new WaitSnapshot(reason.ToString(), $"sending on {end.Name}"),
        ChannelEnd end => new WaitSnapshot(reason.ToString(), $"receiving from {end.Name}"),
        FiberSelect select => new WaitSnapshot(reason.ToString(), $"in a select on {select}"),
        _ => new WaitSnapshot(reason.ToString(), waitsFor is null ? $"parked ({reason})" : $"parked in {waitsFor}"),
    };

    public static WaitSnapshot Lock(HeldLock held, Parties parties)
    {
        string what = held.Kind switch
        {
            LockKind.MonitorWait => "waiting for a pulse of",
            LockKind.Condition => "waiting for a condition of",
            _ => "waiting for",
        };
        string which = held.Kind is LockKind.Lock or LockKind.Condition ? "a Lock" : "a monitor";
        // Who waits for a pulse is not waiting for the owner.
        if (held.Kind is LockKind.MonitorWait or LockKind.Condition)
            return new WaitSnapshot(held.Kind.ToString(), $"{what} {which}");
        PartySnapshot? owner = parties.Owner(held);
        return new WaitSnapshot(held.Kind.ToString(), owner is null ? $"{what} {which}, owner unknown" : $"{what} {which} held by {owner}") { On = owner is null || held.HasDeadline ? [] : [owner], Stamp = (ulong)held.Identity };
    }

    private static WaitSnapshot InRuntime(double? left) => new(ParkReason.RuntimeWait.ToString(), left is null ? "waiting in .NET" : "waiting or sleeping in .NET");

    private static WaitSnapshot Descriptor(ParkReason reason, string verb, int descriptor)
    {
        string? peer = DescriptorNames.Peer(descriptor);
        return new WaitSnapshot(reason.ToString(), $"{verb} {peer ?? DescriptorNames.File(descriptor) ?? "a closed descriptor"} on fd {descriptor}") { Descriptor = descriptor, Peer = peer };
    }

    private static string Lower(Fiber fiber) => fiber.Name is null ? $"fiber {fiber.Id}" : $"fiber {fiber.Id} \"{fiber.Name}\"";

    private static string Count(int count, string what) => count == 1 ? $"one {what}" : $"{count} {what}s";
}
