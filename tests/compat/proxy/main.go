// Command proxy is grpc-gateway's reverse proxy over the contracts: what a stock gateway makes of them. Tests compare
// Tessera's own with it.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	accountv1 "tessera/account/v1"
	bindingv1 "tessera/binding/v1"
	tokenv1 "tessera/token/v1"
)

func main() {
	listen := flag.String("listen", "", "host:port to listen on")
	token := flag.String("token", "", "host:port of the token service")
	account := flag.String("account", "", "host:port of the account service")
	binding := flag.String("binding", "", "host:port of the binding service")
	flag.Parse()

	// The RPC style has names of its own, which the contracts keep as JSON names.
	style, rest := printing(false), printing(true)
	register(style, accountv1.RegisterOpenAccountServiceHandlerFromEndpoint, *account)
	register(rest, accountv1.RegisterAccountServiceHandlerFromEndpoint, *account)
	register(rest, bindingv1.RegisterBindingServiceHandlerFromEndpoint, *binding)
	register(rest, tokenv1.RegisterTokenServiceHandlerFromEndpoint, *token)
	register(rest, tokenv1.RegisterUserServiceHandlerFromEndpoint, *token)
	register(rest, tokenv1.RegisterAccessTokenServiceHandlerFromEndpoint, *token)

	mux := http.NewServeMux()
	mux.Handle("/rpc/", style)
	mux.Handle("/", rest)
	log.Fatal(http.ListenAndServe(*listen, mux))
}

func printing(protoNames bool) *runtime.ServeMux {
	return runtime.NewServeMux(runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
		MarshalOptions:   protojson.MarshalOptions{EmitUnpopulated: true, UseProtoNames: protoNames},
		UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: true},
	}))
}

func register(
	mux *runtime.ServeMux,
	service func(context.Context, *runtime.ServeMux, string, []grpc.DialOption) error,
	address string,
) {
	plaintext := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if err := service(context.Background(), mux, address, plaintext); err != nil {
		log.Fatal(err)
	}
}
