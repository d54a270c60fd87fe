using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Fibers.Native;

namespace Fibers.Demos.Swapping;

/// <summary>
/// Lets two fibers take turns on one carrier, and has the shim stop the processor after every instruction of one round: red yields and hands the carrier straight to
/// blue; blue sleeps, so it leaves to the carrier itself; the carrier runs red again.
/// </summary>
internal sealed unsafe class SwapRecorder : IDisposable
{
    private const int TurnsBefore = 2000; // until nothing on the way is left to be compiled
    private const int Attempts = 20;      // a collection may come in between
    private const int Crossings = 3;      // red to blue, blue to the carrier, the carrier to red
    private const int Steps = 256;
    private const int Words = 64 * 1024;
    private const ulong InstructionLimit = 1_000_000;

    private readonly NativeRecording* _native = (NativeRecording*)NativeMemory.AllocZeroed((nuint)sizeof(NativeRecording));
    private NativeVThread* _red, _blue;
    private volatile int _sleep; // milliseconds for blue to sleep when it next can; it takes them
    private volatile bool _asleep, _done;

    private SwapRecorder()
    {
        _native->Crossings = (NativeCrossing*)NativeMemory.AllocZeroed(Crossings, (nuint)sizeof(NativeCrossing));
        _native->CrossingCapacity = Crossings;
        _native->Steps = (NativeStep*)NativeMemory.AllocZeroed(Steps, (nuint)sizeof(NativeStep));
        _native->StepCapacity = Steps;
        _native->Memory = (ulong*)NativeMemory.AllocZeroed(Words, sizeof(ulong));
        _native->MemoryCapacity = Words;
        _native->InstructionLimit = InstructionLimit;
    }

    public static bool IsSupported => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>Null, with the reason, when this machine cannot show it.</summary>
    public static SwapRecording? TryRecord(out string reason)
    {
        using var code = new CodeMap(); // first, so that it hears of every method that is compiled
        for (int attempt = 1; attempt <= Attempts; attempt++)
        {
            using var runtime = new FiberRuntime(new FiberRuntimeOptions { Carriers = 1 });
            if (runtime.Backend != FiberBackend.Native)
            {
                reason = runtime.FallbackReason ?? $"the backend is {runtime.Backend}";
                return null;
            }

            // It would take a carrier that stops at every instruction for one that is stuck, and put a spare beside it.
            runtime.Scheduler!.Watchdog.Stop();
            using var recorder = new SwapRecorder();
            runtime.Run(recorder.TakeTurns);
            if (recorder.IsRight)
            {
                reason = "";
                return new SwapReader(recorder._native, recorder._red, recorder._blue, code).Read();
            }
        }

        reason = $"in {Attempts} attempts the carrier never went from one fiber straight to the other";
        return null;
    }

    public void Dispose()
    {
        NativeMemory.Free(_native->Crossings);
        NativeMemory.Free(_native->Steps);
        NativeMemory.Free(_native->Memory);
        NativeMemory.Free(_native);
    }

    // The round went as described, with nobody in between.
    private bool IsRight => _native->State == (uint)StepState.Complete
        && IsCrossing(0, &_red->Context, &_blue->Context) && IsCrossing(1, &_blue->Context, null) && IsCrossing(2, null, &_red->Context)
        && _native->Crossings[1].To == _native->Crossings[2].From;

    // Null: whichever carrier.
    private bool IsCrossing(int index, NativeContext* from, NativeContext* to) =>
        (from == null || _native->Crossings[index].From == from) && (to == null || _native->Crossings[index].To == to);

    private void TakeTurns()
    {
        using Fiber blue = Fiber.SpawnConcurrent(Blue);
        using Fiber red = Fiber.SpawnConcurrent(Red);
        red.Join();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Red()
    {
        _red = Shim.fibers_vthread_current();
        Shim.fibers_step_end(); // bound before it is needed
        for (int turn = 0; turn < TurnsBefore || _asleep; turn++)
        {
            if (turn % 100 == 0)
                _sleep = 1;
            RedYields(watched: false);
        }

        _sleep = 50; // long enough for all the stops on the way there
        RedYields(watched: true);
        Shim.fibers_step_end();
        _done = true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RedYields(bool watched)
    {
        if (watched && Shim.fibers_step_begin(_native) is var error and not 0)
            throw new InvalidOperationException($"The processor cannot be stopped after each instruction: error {error}.");
        Fiber.Yield(); // the first crossing
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Blue()
    {
        _blue = Shim.fibers_vthread_current();
        while (!_done)
        {
            BlueYields();
            if (_sleep != 0)
                BlueSleeps(_sleep);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void BlueYields() => Fiber.Yield();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void BlueSleeps(int milliseconds)
    {
        _sleep = 0;
        _asleep = true;
        Fiber.Sleep(TimeSpan.FromMilliseconds(milliseconds)); // the second
        _asleep = false;
    }

    private enum StepState : uint
    {
        Running = 0,
        Complete = 1,
        GaveUp = 2,
    }
}
