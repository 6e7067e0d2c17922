// Command example prints how many links the demo's user has, as an internal caller asks for them:
// `go run ./example .tessera/demo.json`.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	accountv1 "tessera/account/v1"
	tokenv1 "tessera/token/v1"
)

func main() {
	if err := run(append(os.Args, ".tessera/demo.json")[1]); err != nil {
		fmt.Fprintln(os.Stderr, reason(err))
		os.Exit(1)
	}
}

func run(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var demo map[string]string
	if err := json.Unmarshal(text, &demo); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()

	token, err := dial("TESSERA_TOKEN_ADDRESS", "127.0.0.1:50051")
	if err != nil {
		return err
	}
	defer token.Close()
	issued, err := tokenv1.NewTokenServiceClient(token).Token(ctx, &tokenv1.TokenRequest{
		GrantType: "client_credentials", ClientId: demo["client_id"], ClientSecret: demo["client_secret"],
	})
	if err != nil {
		return err
	}

	account, err := dial("TESSERA_ACCOUNT_ADDRESS", "127.0.0.1:50052")
	if err != nil {
		return err
	}
	defer account.Close()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+issued.AccessToken)
	links, err := accountv1.NewAccountServiceClient(account).GetLinkInfoByUserId(
		ctx, &accountv1.GetLinkInfoByUserIdRequest{UserId: demo["user_id"]},
	)
	if err != nil {
		return err
	}
	fmt.Printf("%s has %d links\n", demo["user_id"], len(links.Items))
	return nil
}

func dial(variable, usual string) (*grpc.ClientConn, error) {
	address := cmp.Or(os.Getenv(variable), usual)
	return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

// reason is a name of docs/errors.md, where the service gave one; only it may be relied on, not the message.
func reason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.Reason
		}
	}
	return err.Error()
}
