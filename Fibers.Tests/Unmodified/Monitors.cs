using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

public class Monitors
{
    [Fact]
    public void Hundreds_of_fibers_wait_for_a_pulse_and_pass_it_on()
    {
        const int fibers = 300;
        object monitor = new();
        int turn = 0;
        ManyFibers.Run(fibers, i =>
        {
            lock (monitor)
            {
                while (turn != fibers - 1 - i) // the last comes first, so nearly all wait
                    Monitor.Wait(monitor);
                turn++;
                Monitor.PulseAll(monitor);
            }
        });
        turn.ShouldBe(fibers);
    }

    [Fact]
    public void A_wait_that_nobody_pulses_ends_in_time() => ManyFibers.Run(300, static _ =>
    {
        object monitor = new();
        lock (monitor)
            Monitor.Wait(monitor, 10).ShouldBeFalse();
    });
}
