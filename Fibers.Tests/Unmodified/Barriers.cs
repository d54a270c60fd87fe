using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

public class Barriers
{
    [Fact]
    public void Hundreds_of_fibers_meet_in_every_phase()
    {
        const int fibers = 300, phases = 5;
        int[] arrived = new int[phases];
        int complete = 0;
        using var barrier = new Barrier(fibers, b =>
        {
            if (Volatile.Read(ref arrived[b.CurrentPhaseNumber]) == fibers)
                complete++;
        });
        ManyFibers.Run(fibers, _ =>
        {
            for (int phase = 0; phase < phases; phase++)
            {
                Interlocked.Increment(ref arrived[phase]);
                barrier.SignalAndWait();
                Volatile.Read(ref arrived[phase]).ShouldBe(fibers);
            }
        });
        complete.ShouldBe(phases);
    }
}
