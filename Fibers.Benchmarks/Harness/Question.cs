namespace Fibers.Benchmarks.Harness;

/// <summary>One thing to know. Its first contender is ours; the others are what it is compared with, in the same run.</summary>
internal abstract class Question
{
    public abstract string Name { get; }

    /// <summary>In words, for the tables.</summary>
    public abstract string Asks { get; }

    public abstract string Unit { get; }

    public virtual bool MoreIsBetter => false;

    /// <summary>What each round tells. Usually one thing: the question itself.</summary>
    public virtual IReadOnlyList<Row> Rows => [new Row(Name, Asks, Unit, MoreIsBetter)];

    /// <summary>Where the answers are shown together, its rows down and its contenders across; questions may share one. Null: a table of its own.</summary>
    public virtual Sheet? Sheet => null;

    /// <summary>False where every round is a new process, which must not be warm.</summary>
    public virtual bool WarmsUp => true;

    /// <summary>Fewer than the effort allows where a round takes long.</summary>
    public virtual int MostRounds => int.MaxValue;

    /// <summary>Part of the first, two-minute look.</summary>
    public virtual bool InQuick => false;

    /// <summary>The question that does the same in the short form, where this one differs from it only in a number that form has no use for; or null.</summary>
    public virtual string? SmokeTwin => null;

    /// <summary>What it cannot do without, in words that say what to install; or null.</summary>
    public virtual string? Missing => null;

    /// <summary>Makes the contenders ready to run in turn. Disposed of together when the question is answered.</summary>
    public abstract Contest Prepare(Effort effort);
}

internal sealed class Contest(IReadOnlyList<Contender> contenders, params IEnumerable<IDisposable> resources) : IDisposable
{
    public IReadOnlyList<Contender> Contenders { get; } = contenders;

    public void Dispose()
    {
        foreach (IDisposable resource in resources)
            resource.Dispose();
    }
}
