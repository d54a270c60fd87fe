using Fibers.Scheduling;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Scheduling;

/// <summary>No fiber lies queued while every carrier sleeps.</summary>
public class Idling
{
    private const uint WatchdogDozes = 2; // FIBERS_DOZE_WATCHDOG

    [Fact]
    public void A_spare_that_retires_never_counts_as_one_that_searches() => Bounded.Run(() =>
    {
        const int spares = 6, looks = 200;
        Stress.For(1, () =>
        {
            using FiberRuntime runtime = Runtimes.Native(1);
            Scheduler scheduler = runtime.Scheduler!;
            Eventually.True(() => scheduler.Idle.Poller is { IsSpare: false }, "the carrier polls, so that no spare has to wake another when it retires");
            for (int i = 0; i < spares; i++)
                scheduler.TryAddSpare().ShouldBeTrue();
            Eventually.True(() => scheduler.AllIdle && scheduler.Idle.Poller is { IsSpare: false }, "all are idle");
            bool searches = false;
            while (scheduler.LiveSpares > 0)
                for (int i = 0; i < looks; i++)
                    searches |= scheduler.Idle.Searching != 0;
            searches.ShouldBeFalse("nobody has anything to search for");
        });
    });

    [Fact]
    public void What_nobody_was_woken_for_is_found_by_the_watchdog() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        Scheduler scheduler = runtime.Scheduler!;
        runtime.SpawnConcurrent(static () => { }).Join(); // there is an idle virtual thread now, so the watchdog dozes for a time only
        Eventually.True(() => scheduler.AllIdle && IsDozing(scheduler), "all are idle, and the watchdog dozes");
        Fiber forgotten = Fiber.Create(runtime, static () => { }, null);
        scheduler.Injected.Push(forgotten);
        forgotten.Join();
    });

    [Fact]
    public void One_that_starves_is_tried_again_without_the_watchdog() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        runtime.Scheduler!.Watchdog.Stop();
        Fiber starving;
        using (Faults.Always(Faults.Thread))
        {
            starving = runtime.Spawn(static () => { });
            Eventually.True(() => runtime.Statistics.Starved > 1, "it has been tried again");
        }

        Eventually.True(() => starving.IsEnded, "it has run"); // a joiner would run it
        starving.RanInline.ShouldBeFalse();
    });

    private static unsafe bool IsDozing(Scheduler scheduler) => (Volatile.Read(ref scheduler.Inbox.Native->Dozing) & WatchdogDozes) != 0;
}
