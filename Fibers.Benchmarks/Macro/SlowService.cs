namespace Fibers.Benchmarks.Macro;

/// <summary>The server that others call: it answers each request after a while.</summary>
internal sealed class SlowService : HttpService
{
    public const int Milliseconds = 10;

    protected override void Prepare() => Thread.Sleep(Milliseconds);

    protected override Task PrepareAsync() => Task.Delay(Milliseconds);
}
