using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fibers.Demos.Fetching;

/// <summary>A real web server (Kestrel) on a free port of the loopback interface, in a child process: says its address, and ends when its input does.</summary>
internal static class PageServer
{
    public const string Verb = "--be-the-server";

    private const int PageBytes = 1000;
    private const int Backlog = 65_535; // whoever finds no room there tries again after 1 s, then 2, then 4; the kernel gives at most net.core.somaxconn

    public static int Run(int delayMilliseconds)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseSockets(static sockets => sockets.Backlog = Backlog).ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Logging.ClearProviders();
        WebApplication server = builder.Build(); // never disposed: when we go, we go at once, answers under way or not
        server.Run(async context =>
        {
            await Task.Delay(delayMilliseconds);
            byte[] body = BodyOf(context.Request.Path);
            context.Response.ContentLength = body.Length;
            await context.Response.Body.WriteAsync(body);
        });
        server.StartAsync().Wait();
        Console.WriteLine(server.Urls.First());
        Child.WaitForParentsEnd();
        return 0;
    }

    /// <summary>Each page is its own path and padding, so that a mix-up is noticed.</summary>
    public static byte[] BodyOf(string? path) => Encoding.UTF8.GetBytes($"This is {path}.\n".PadRight(PageBytes, '~'));
}
