using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary><see cref="Parallel"/>: the caller is a fiber, the helpers are pool threads.</summary>
public class ParallelFors
{
    [Fact]
    public void Hundreds_of_fibers_run_parallel_loops()
    {
        long total = 0;
        ManyFibers.Run(200, _ =>
        {
            long sum = 0;
            Parallel.For(0, 100, () => 0L, static (i, _, part) => part + i, part => Interlocked.Add(ref sum, part));
            sum.ShouldBe(4950);
            Interlocked.Add(ref total, sum);
        });
        total.ShouldBe(200 * 4950);
    }
}
