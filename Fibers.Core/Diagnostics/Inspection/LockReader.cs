using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using Fibers.VirtualThreads;

namespace Fibers.Diagnostics.Inspection;

/// <summary>Which lock a thread waits for, and who owns it.</summary>
/// <remarks>
/// .NET keeps that for debuggers: a thread that waits for a monitor or a Lock has linked a ThreadBlockingInfo into a list of its own. The list begins in a thread static, which lies at a
/// fixed place behind the thread's block of statics: <see cref="Make"/> finds out where. The monitor's owner lies in the runtime's native lock. Private facts: the inspector's self-test checks each of them on
/// locks that it holds itself.
/// </remarks>
internal sealed class LockReader
{
    private const int NativeLockOwner = 8;
    private const int NativeLockIsTaken = 1;

    private readonly int _statics;   // in the native thread: its block of statics
    private readonly nint _first;    // in that block
    private readonly nint _lockOwner; // in a Lock

    private LockReader(int statics, nint first, nint lockOwner) => (_statics, _first, _lockOwner) = (statics, first, lockOwner);

    /// <exception cref="NotSupportedException">This runtime does not have it.</exception>
    public static LockReader Make(RuntimeContract contract)
    {
        if (!RuntimeFeature.IsDynamicCodeSupported)
            throw new NotSupportedException("this program was published without dynamic code");
        // Named in full and as constants: so the trimmer sees what is reached, and keeps it.
        FieldInfo field = Type.GetType("System.Threading.ThreadBlockingInfo, System.Private.CoreLib")?.GetField("t_first", BindingFlags.Static | BindingFlags.NonPublic)
            ?? throw new NotSupportedException("this runtime does not say which lock a thread waits for");
        var where = new DynamicMethod("AddressOfFirst", typeof(nint), Type.EmptyTypes, typeof(Thread).Module, skipVisibility: true);
        ILGenerator body = where.GetILGenerator();
        body.Emit(OpCodes.Ldsflda, field);
        body.Emit(OpCodes.Conv_U);
        body.Emit(OpCodes.Ret);
        int statics = contract.Offset("Thread", "ThreadLocalDataPtr");
        nint first = where.CreateDelegate<Func<nint>>()() - ProcessMemory.Pointer(RuntimeThread.NativePointer(Thread.CurrentThread) + statics);
        if (first is < 0 or > 4096)
            throw new NotSupportedException("this runtime keeps its blocking information elsewhere");
        return new LockReader(statics, first, OffsetOfLockOwner());
    }

    /// <summary>Null: it waits for no lock. The caller makes sure that the thread stood still.</summary>
    /// <exception cref="UnreadableException">It has moved or gone.</exception>
    public HeldLock? Read(nint thread)
    {
        nint statics = ProcessMemory.Pointer(thread + _statics);
        nint info = statics == 0 ? 0 : ProcessMemory.Pointer(statics + _first);
        if (info == 0)
            return null;
        nint what = ProcessMemory.Pointer(info);
        var kind = (LockKind)ProcessMemory.Read<int>(info + nint.Size);
        bool deadline = ProcessMemory.Read<int>(info + nint.Size + sizeof(int)) >= 0;
        switch (kind)
        {
            case LockKind.Monitor or LockKind.MonitorWait:
                int owner = (ProcessMemory.Read<uint>(what) & NativeLockIsTaken) != 0 ? ProcessMemory.Read<int>(what + NativeLockOwner) : 0;
                return new HeldLock(kind, what, owner, 0, deadline);
            case LockKind.Lock:
                // The object is named by a place on the thread's stack. It may be moved by a collection between the two reads.
                int collections = GC.CollectionCount(0);
                nint held = ProcessMemory.Pointer(what);
                int system = ProcessMemory.Read<int>(held + _lockOwner);
                if (GC.CollectionCount(0) != collections || ProcessMemory.Pointer(what) != held)
                    throw new UnreadableException();
                return new HeldLock(kind, what, 0, system, deadline);
            case LockKind.Condition:
                return new HeldLock(kind, what, 0, 0, deadline);
            default:
                throw new UnreadableException();
        }
    }

    private static nint OffsetOfLockOwner()
    {
        var sample = new Lock();
#pragma warning disable CS9216 // nobody locks it
        ref byte start = ref Unsafe.As<Shape>(sample).First;
#pragma warning restore CS9216
        return nint.Size + Unsafe.ByteOffset(ref start, ref Unsafe.As<uint, byte>(ref OwnerOf(sample)));
    }

    // Any object, seen from its first field.
    private sealed class Shape
    {
        public byte First;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_owningThreadId")]
    private static extern ref uint OwnerOf(Lock held);
}
