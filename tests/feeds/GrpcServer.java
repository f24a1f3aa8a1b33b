/* A gRPC server of another implementation, grpc-java on Netty, for the tests of the door.
 *
 * The request is "COUNT SIZE CODE WORDS": COUNT messages follow, the i-th of SIZE + i bytes of the value i, then
 * the status CODE with WORDS. With two arguments (certificate chain and key, PEM) it speaks TLS. Prints its port.
 */

import io.grpc.HandlerRegistry;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

public class GrpcServer {
    static final MethodDescriptor.Marshaller<byte[]> BYTES = new MethodDescriptor.Marshaller<>() {
        @Override public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
        }

        @Override public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    };

    static void answer(ServerCall<byte[], byte[]> call, String request) {
        String[] words = request.split(" ", 4);
        int count = Integer.parseInt(words[0]);
        int size = Integer.parseInt(words[1]);
        call.sendHeaders(new Metadata());
        for (int i = 0; i < count; i++) {
            byte[] message = new byte[size + i];
            Arrays.fill(message, (byte) i);
            call.sendMessage(message);
        }
        Status status = Status.fromCodeValue(Integer.parseInt(words[2]));
        call.close(words[3].isEmpty() ? status : status.withDescription(words[3]), new Metadata());
    }

    static ServerCall.Listener<byte[]> begin(ServerCall<byte[], byte[]> call, Metadata headers) {
        call.request(2);
        return new ServerCall.Listener<byte[]>() {
            @Override public void onMessage(byte[] request) {
                answer(call, new String(request, StandardCharsets.UTF_8));
            }
        };
    }

    static final HandlerRegistry ANY_METHOD = new HandlerRegistry() {
        @Override public ServerMethodDefinition<?, ?> lookupMethod(String name, String authority) {
            MethodDescriptor<byte[], byte[]> method = MethodDescriptor.newBuilder(BYTES, BYTES)
                .setType(MethodDescriptor.MethodType.SERVER_STREAMING).setFullMethodName(name).build();
            return ServerMethodDefinition.create(method, GrpcServer::begin);
        }
    };

    public static void main(String[] arguments) throws Exception {
        NettyServerBuilder builder = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
            .fallbackHandlerRegistry(ANY_METHOD);
        if (arguments.length == 2) {
            builder.useTransportSecurity(new File(arguments[0]), new File(arguments[1]));
        }
        Server server = builder.build().start();
        System.out.println(server.getPort());
        System.out.flush();
        server.awaitTermination();
    }
}
