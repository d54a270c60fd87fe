using System.Security.Cryptography.X509Certificates;
using Fibers.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary><see cref="HttpClient.Send(HttpRequestMessage)"/> against Kestrel in the same process, which answers only when every request has come.</summary>
public class HttpClients
{
    private const int Fibers = 200;

    [Theory]
    [InlineData("http")]
    [InlineData("https")]
    public void Hundreds_of_fibers_wait_for_kestrel_at_once(string scheme)
    {
        using X509Certificate2 certificate = SelfSigned.Certificate();
        var all = new Gathering(Fibers);
        using WebApplication server = Start(scheme, certificate, all);
        string address = server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        using var client = new HttpClient(new SocketsHttpHandler
        {
            MaxConnectionsPerServer = Fibers,
            SslOptions = { RemoteCertificateValidationCallback = (_, shown, _, _) => shown!.GetCertHashString() == certificate.GetCertHashString() },
        });
        ManyFibers.Run(Fibers, i =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"{address}/{i}") { Content = new StringContent($"body {i}") };
            using HttpResponseMessage response = client.Send(request);
            response.EnsureSuccessStatusCode();
            using var reader = new StreamReader(response.Content.ReadAsStream());
            reader.ReadToEnd().ShouldBe($"/{i} body {i}");
        });
        server.StopAsync().Wait();
    }

    private static WebApplication Start(string scheme, X509Certificate2 certificate, Gathering all)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.Listen(System.Net.IPAddress.Loopback, 0, listen =>
        {
            if (scheme == "https")
                listen.UseHttps(certificate);
        }));
        builder.WebHost.UseKestrelHttpsConfiguration();
        WebApplication server = builder.Build();
        server.Run(async context =>
        {
            string body = await new StreamReader(context.Request.Body).ReadToEndAsync();
            await all.Arrive();
            await context.Response.WriteAsync($"{context.Request.Path} {body}");
        });
        server.Start();
        return server;
    }
}
