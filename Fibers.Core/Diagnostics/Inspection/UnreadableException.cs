namespace Fibers.Diagnostics.Inspection;

/// <summary>What was to be inspected has changed or gone meanwhile. Never leaves the library.</summary>
internal sealed class UnreadableException() : Exception("The memory cannot be read.");
