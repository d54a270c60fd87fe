namespace Fibers.Diagnostics.Inspection;

/// <summary>What a thread waits for in a lock of .NET. Values as in the runtime's own ThreadBlockingInfo, which is there for debuggers.</summary>
internal enum LockKind
{
    Monitor = 0,
    MonitorWait = 1,
    Lock = 2,
    Condition = 3,
}

/// <summary>A lock that somebody waits for, and its owner: a monitor knows it by managed thread id, a Lock by the system's. 0: nobody, at that moment.</summary>
internal readonly record struct HeldLock(LockKind Kind, nint Identity, int OwnerManagedId, int OwnerSystemId, bool HasDeadline);
