using Spectre.Console;

namespace Fibers.Demos.Fetching;

/// <summary>A bar per way on a terminal; plain lines elsewhere.</summary>
internal static class Progress
{
    private const int PlainSteps = 4;

    /// <summary>Hands <paramref name="work"/> a function that begins a bar of <paramref name="total"/> steps and returns how to move it.</summary>
    public static void During(int total, Action<Func<string, Action<int>>> work)
    {
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
        {
            work(title => Lines(title, total));
            return;
        }

        Console.CancelKeyPress += static (_, _) => AnsiConsole.Cursor.Show(); // the bars hide it, and Ctrl-C ends us before they are done
        AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .Start(context => work(title =>
            {
                ProgressTask bar = context.AddTask(title, maxValue: total);
                return done => bar.Value = Math.Max(bar.Value, done);
            }));
    }

    private static Action<int> Lines(string title, int total)
    {
        int next = 1;
        return done =>
        {
            if ((long)done * PlainSteps < (long)total * next)
                return;
            Console.WriteLine($"  {title}: {done:N0} of {total:N0}");
            next = (int)((long)done * PlainSteps / total) + 1;
        };
    }
}
