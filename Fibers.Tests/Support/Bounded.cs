using System.Runtime.ExceptionServices;
using Xunit.Sdk;

namespace Fibers.Tests.Support;

/// <summary>
/// Runs the body of a test on a thread of its own and fails, with a picture of the process, when it takes too long. What hangs is left
/// where it is: there is no safe way to end it, and the picture names it.
/// </summary>
internal static class Bounded
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    public static void Run(Action body) => Run(Limit, body);

    public static void Run(TimeSpan limit, Action body)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                body();
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        })
        { IsBackground = true, Name = "test body" };
        thread.Start();
        if (!thread.Join(limit))
            throw new XunitException($"Not done after {limit.TotalSeconds} s.{Environment.NewLine}{Picture.OfProcess()}");
        failure?.Throw();
    }
}
