namespace Fibers.Benchmarks.Harness;

/// <summary>
/// One round's result, and the processor time an operation took, in nanoseconds, where it is known. Other load on the machine falsifies the first
/// much more than the second, and favours whoever has more threads.
/// </summary>
internal readonly record struct Figure(double Value, double? ProcessorNs)
{
    public static implicit operator Figure(double value) => new(value, null);
}
