using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

public class TaskWaits
{
    [Fact]
    public void Hundreds_of_fibers_wait_for_all_and_any_of_their_tasks() => ManyFibers.Run(300, static i =>
    {
        Task<int>[] tasks = [.. Enumerable.Range(0, 4).Select(async k =>
        {
            await Task.Delay(1 + (i + k) % 5);
            return i * 10 + k;
        })];
        Task.WaitAny(tasks).ShouldBeInRange(0, 3);
        Task.WaitAll(tasks);
        tasks.Select(static task => task.Result).ShouldBe([i * 10, i * 10 + 1, i * 10 + 2, i * 10 + 3]);
        Task<int> failing = Task.Run(int () => throw new InvalidOperationException($"{i}"));
        Should.Throw<AggregateException>(() => failing.Wait()).InnerException!.Message.ShouldBe($"{i}");
        Should.Throw<InvalidOperationException>(() => failing.GetAwaiter().GetResult());
        Task.Delay(5).Wait(1000).ShouldBeTrue();
        Task.Delay(Timeout.Infinite).Wait(1).ShouldBeFalse();
    });
}
