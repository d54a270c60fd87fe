using System.Runtime.InteropServices;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Demos;

/// <summary>What the demo swap shows is what a processor does: each value is compared with another place where it must be too.</summary>
public sealed class SwapRecordings : IClassFixture<SwapRecordings.Recorded>
{
    private static readonly string[] s_preserved = ["rbp", "rbx", "r12", "r13", "r14", "r15"];

    private readonly SwapRecordingFile _recording;

    public SwapRecordings(Recorded recorded)
    {
        Assert.SkipWhen(recorded.Recording is null, "The demo stops the processor after each instruction on x64 only.");
        _recording = recorded.Recording;
    }

    [Fact]
    public void It_goes_from_a_fiber_to_the_other_from_there_to_the_carrier_and_back()
    {
        _recording.Parties.Select(static party => party.IsCarrier).ShouldBe([false, false, true]);
        _recording.Crossings.Select(static crossing => (crossing.From, crossing.To)).ShouldBe([(0, 1), (1, 2), (2, 0)]);
        foreach (SwapCrossing crossing in _recording.Crossings)
        {
            IsOn(crossing.Steps[0]["rsp"], _recording.Parties[crossing.From]).ShouldBeTrue();
            IsOn(crossing.Steps[^1]["rsp"], _recording.Parties[crossing.To]).ShouldBeTrue();
        }
    }

    [Fact]
    public void Every_instruction_of_the_routine_is_executed_once_per_crossing_and_in_order()
    {
        foreach (SwapCrossing crossing in _recording.Crossings)
        {
            SwapLine[] lines = _recording.Routines[crossing.Routine].Lines;
            // The trap flag skips the instruction after a system call.
            int[] stops = [.. Enumerable.Range(0, lines.Length).Where(line => line == 0 || !lines[line - 1].Text.StartsWith("syscall", StringComparison.Ordinal))];
            crossing.Steps.Select(static step => step.Line).ShouldBe([.. stops, -1]);
            crossing.Steps[..^1].Select(static step => step["rip"]).ShouldBe(stops.Select(line => lines[line].Address));
        }
    }

    [Fact]
    public void The_bytes_shown_are_those_of_the_library()
    {
        foreach (SwapRoutine routine in _recording.Routines)
        {
            routine.Name.ShouldStartWith("fibers_switch");
            byte[] shown = Convert.FromHexString(string.Concat(routine.Lines.Select(static line => line.Bytes)));
            File.ReadAllBytes(Path.Combine(DemoProcess.Folder, "libfibers.so")).AsSpan().IndexOf(shown).ShouldBeGreaterThan(0, routine.Name);
        }
    }

    [Fact]
    public void What_is_pushed_was_in_the_register_and_what_is_popped_gets_there()
    {
        int pushes = 0, pops = 0;
        foreach (SwapCrossing crossing in _recording.Crossings)
        {
            for (int i = 0; i < crossing.Steps.Length - 1; i++)
            {
                SwapStep step = crossing.Steps[i], next = crossing.Steps[i + 1];
                switch (_recording.Routines[crossing.Routine].Lines[step.Line].Text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                {
                    case ["push", var register]:
                        next.FromStack.Single(slot => slot.Address == next["rsp"]).ShouldBe(new SwapSlot(next["rsp"], step[register], $"saved {register}", Live: true, Written: true));
                        pushes++;
                        break;
                    case ["pop", var register] when s_preserved.Contains(register):
                        step.ToStack.Single(slot => slot.Address == step["rsp"]).Value.ShouldBe(next[register]);
                        pops++;
                        break;
                }
            }
        }

        (pushes, pops).ShouldBe((18, 18)); // X64-CS, three times
    }

    [Fact]
    public void The_stack_and_the_thread_pointer_change_hands_once_per_crossing()
    {
        foreach (SwapCrossing crossing in _recording.Crossings)
        {
            crossing.Steps.Select(static step => step.StandsOn).Distinct().ShouldBe([crossing.From, crossing.To]);
            crossing.Steps.Select(static step => step["fs base"]).Distinct().Count().ShouldBe(2);
            foreach (SwapStep step in crossing.Steps)
                IsOn(step["rsp"], _recording.Parties[step.StandsOn]).ShouldBeTrue();
        }

        for (int i = 1; i < _recording.Crossings.Length; i++)
            _recording.Crossings[i].Steps[0]["fs base"].ShouldBe(_recording.Crossings[i - 1].Steps[^1]["fs base"], "whoever runs keeps its thread pointer between the crossings");
    }

    [Fact]
    public void A_party_goes_on_with_the_registers_it_was_parked_with()
    {
        // Red leaves in the first crossing and goes on in the last.
        SwapStep left = _recording.Crossings[0].Steps[0], parked = _recording.Crossings[0].Steps[^1], arrived = _recording.Crossings[2].Steps[^1];
        foreach (string register in (string[])[.. s_preserved, "fs base"])
            arrived[register].ShouldBe(left[register], register);
        parked.ParkedAt.Value.ShouldBe(parked.FromStack.First(static slot => slot.Live).Address);
        parked.ParkedAt.Value.ShouldBe(_recording.Crossings[2].Steps[0].ToStack[0].Address);
    }

    [Fact]
    public void The_frames_on_each_stack_are_those_of_its_owner()
    {
        Managed(_recording.Crossings[0].FromFrames).ShouldContain("SwapRecorder.RedYields");
        Managed(_recording.Crossings[0].ToFrames).ShouldContain("SwapRecorder.BlueYields");
        Managed(_recording.Crossings[0].ToFrames).ShouldNotContain("SwapRecorder.RedYields");
        Managed(_recording.Crossings[1].FromFrames).ShouldContain("SwapRecorder.BlueSleeps");
        Managed(_recording.Crossings[1].ToFrames).ShouldContain("Carrier.Main");
        Managed(_recording.Crossings[2].ToFrames).ShouldBe(Managed(_recording.Crossings[0].FromFrames));
    }

    [Fact]
    public void Another_run_has_other_addresses() =>
        SwapRecordingFile.Record().Crossings[0].Steps[0]["rsp"].ShouldNotBe(_recording.Crossings[0].Steps[0]["rsp"]);

    private static IEnumerable<string> Managed(SwapFrame[] frames) => frames.Where(static frame => frame.IsManaged).Select(static frame => frame.Name);

    private static bool IsOn(string address, SwapParty party) => Word(party.StackLow) <= Word(address) && Word(address) < Word(party.StackHigh);

    private static ulong Word(string text) => Convert.ToUInt64(text, 16);

    /// <summary>One recording for all of them.</summary>
    public sealed class Recorded
    {
        public Recorded() => Recording = RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64 ? SwapRecordingFile.Record() : null;

        internal SwapRecordingFile? Recording { get; }
    }
}
