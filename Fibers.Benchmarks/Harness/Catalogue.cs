using Fibers.Benchmarks.Macro;
using Fibers.Benchmarks.Micro;
using Fibers.Benchmarks.Scale;

namespace Fibers.Benchmarks.Harness;

internal static class Catalogue
{
    public static IReadOnlyList<Question> All { get; } =
    [
        new RawSwitch(),
        new ManagedSwitch(),
        new Yielding(2),
        new Yielding(1000),
        new Observing(),
        new SpawnAndJoin(),
        new SpawnMany(),
        new ChannelPingPong(),
        new ContendedLock(),
        new SleepAccuracy(),
        new Cancelling(),
        new HttpResponder(64),
        new HttpResponder(1000),
        new HttpResponder(10_000),
        new TcpEcho(),
        new DownstreamCalls(),
        new NpgsqlSleeps(),
        new Passthrough(),
        new ScaleQuestion(10_000),
        new ScaleQuestion(50_000),
        new ScaleQuestion(100_000),
        .. PauseQuestion.All,
        new SettingsQuestion(),
    ];
}
