using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Fibers.Native;
using Fibers.Parking;
using Fibers.Scheduling;
using Fibers.VirtualThreads;

namespace Fibers.Tests.Support;

/// <summary>
/// Virtual threads that exist only as a park word, under number 1. They stay in <see cref="ParkState.Parking"/>, so that whoever wakes them leaves
/// making them runnable to a carrier that never comes.
/// </summary>
internal sealed unsafe class ParkedThreads : IDisposable
{
    private readonly NativeVThread* _native;
    private readonly VirtualThread[] _threads;

    public ParkedThreads(int count)
    {
        _native = (NativeVThread*)NativeMemory.AllocZeroed((nuint)count, (nuint)sizeof(NativeVThread));
        _threads = new VirtualThread[count];
        for (int i = 0; i < count; i++)
        {
            _threads[i] = Make(null!);
            BeBorn(_threads[i], _native + i, null!);
            Park(i, 1);
        }

        Nodes = [.. _threads.Select(static thread => thread.NeedTimer())];
    }

    public IReadOnlyList<TimerNode> Nodes { get; }

    public void Park(int index, ulong number) => Volatile.Write(ref _native[index].ParkWord, ParkWord.Pack(number, Wake.None, ParkState.Parking).Raw);

    public Wake WakeOf(int index) => ParkWord.Read(ref _native[index].ParkWord).Wake;

    public bool TryWake(int index, ulong number, Wake wake) => _threads[index].TryWake(number, wake);

    public void Dispose() => NativeMemory.Free(_native);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern VirtualThread Make(Scheduler scheduler);

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern void BeBorn(VirtualThread thread, NativeVThread* native, Thread dotnet);
}
