using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Fibers.Native;

namespace Fibers.Demos.Swapping;

/// <summary>
/// Lets two fibers take turns on one carrier, and has the shim stop the processor after every instruction while the carrier goes from
/// the first to the second.
/// </summary>
internal sealed unsafe class SwapRecorder : IDisposable
{
    private const int TurnsBefore = 2000; // until nothing on the way is left to be compiled
    private const int Attempts = 20;      // a collection or a spare carrier may come in between
    private const int Crossings = 2;      // fiber to carrier, carrier to fiber
    private const int Steps = 128;
    private const int Words = 64 * 1024;
    private const ulong InstructionLimit = 1_000_000;

    private readonly NativeRecording* _native = (NativeRecording*)NativeMemory.AllocZeroed((nuint)sizeof(NativeRecording));
    private NativeVThread* _red, _blue;
    private volatile bool _done;

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
            // A new one each time: should the watchdog have put a spare carrier beside ours, the two fibers no longer take turns.
            using var runtime = new FiberRuntime(new FiberRuntimeOptions { Carriers = 1 });
            if (runtime.Backend != FiberBackend.Native)
            {
                reason = runtime.FallbackReason ?? $"the backend is {runtime.Backend}";
                return null;
            }

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

    // The carrier took the fiber it was meant to, with nobody in between.
    private bool IsRight => _native->State == (uint)StepState.Complete
        && _native->Crossings[0].From == &_red->Context && _native->Crossings[1].To == &_blue->Context
        && _native->Crossings[0].To == _native->Crossings[1].From;

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
        for (int turn = 0; turn < TurnsBefore; turn++)
            RedYields(watched: false);
        RedYields(watched: true);
        Shim.fibers_step_end();
        _done = true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RedYields(bool watched)
    {
        if (watched && Shim.fibers_step_begin(_native) is var error and not 0)
            throw new InvalidOperationException($"The processor cannot be stopped after each instruction: error {error}.");
        Thread.Yield(); // the swap; Fiber.Yield would hand the carrier straight to the other fiber
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Blue()
    {
        _blue = Shim.fibers_vthread_current();
        while (!_done)
            BlueYields();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void BlueYields() => Thread.Yield();

    private enum StepState : uint
    {
        Running = 0,
        Complete = 1,
        GaveUp = 2,
    }
}
