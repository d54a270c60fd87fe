using Fibers.Diagnostics.Dumps;

namespace Fibers;

public sealed partial class FiberRuntime
{
    /// <summary>
    /// Writes what every fiber of this runtime is doing: state, why and for how long it is parked, its managed stack even so, parent and group; the carriers and queues; and who waits for whom in a circle.
    /// Stops nothing and wakes nobody. Any thread; from a fiber it may park in the writer.
    /// No cancellation point of its own.
    /// </summary>
    /// <exception cref="ArgumentNullException">No writer.</exception>
    public void Dump(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        new TextDump(output).Write(SnapshotGatherer.Gather(this));
    }

    /// <summary>As <see cref="Dump(TextWriter)"/>, as one JSON object in UTF-8.</summary>
    /// <exception cref="ArgumentNullException">No stream.</exception>
    public void DumpJson(Stream output)
    {
        ArgumentNullException.ThrowIfNull(output);
        JsonDump.Write(output, SnapshotGatherer.Gather(this));
    }
}
