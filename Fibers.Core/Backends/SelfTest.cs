namespace Fibers.Backends;

/// <summary>Before the runtime trusts itself.</summary>
internal static class SelfTest
{
    public static string? Run() => WaitSites.Learn();
}
