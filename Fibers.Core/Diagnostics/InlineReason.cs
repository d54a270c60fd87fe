namespace Fibers.Diagnostics;

/// <summary>Why a body ran on whoever spawned or joined its fiber.</summary>
internal enum InlineReason
{
    Backend,
    Limit,
    Resources,
    Join,
}
