namespace Fibers.Benchmarks.Torture;

/// <summary>A fiber's line on the board.</summary>
internal sealed unsafe class Diary(Board.Slot* slot)
{
    public void Begin(int part) => slot->Part = part;

    public void Now(Step step) => Volatile.Write(ref *(int*)&slot->Step, (int)step);

    public void At(int depth) => slot->Depth = depth;

    /// <summary>One thing finished: the fiber is alive.</summary>
    public void Advance() => Volatile.Write(ref slot->Progress, slot->Progress + 1);
}
