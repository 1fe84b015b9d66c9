// oapi-codegen.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	payments "example.com/story/payments"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	key := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+os.Getenv("OPERATOR_KEY"))
		return nil
	}
	client := must(payments.NewClientWithResponses(os.Getenv("BASE_URL"), payments.WithRequestEditorFn(key)))
	ctx := context.Background()
	reference := os.Getenv("REFERENCE")
	mode := payments.CreateClientMode("test")
	body := payments.CreateClient{Name: "Front Desk Software", Mode: &mode}
	params := &payments.CreateClientParams{IdempotencyKey: &reference}

	made := must(client.CreateClientWithResponse(ctx, params, body)).JSON200.Data
	fmt.Println("client", made.ClientId)
	fmt.Println("again", must(client.CreateClientWithResponse(ctx, params, body)).JSON200.Data.ClientId)
	credentials := map[string]string{"bearer_token": "any"}
	practice := payments.ConnectUser{ClientId: made.ClientId, Name: "Elm Street Clinic", Adapter: "fhir-r5",
		BaseUrl: os.Getenv("EMR_URL"), TimeZone: "America/New_York", Credentials: &credentials}
	user := must(client.ConnectUserWithResponse(ctx, nil, practice)).JSON200.Data
	connection := must(client.GetConnectionWithResponse(ctx, user.UserId, nil)).JSON200.Data
	lastSync := "null"
	if connection.LastSync != nil {
		lastSync = connection.LastSync.Status
	}
	fmt.Println("user", user.UserId, connection.Health.State, lastSync)
	overlap := 60
	rotated := must(client.RotateClientSecretWithResponse(ctx, made.ClientId, nil, payments.OperatorRotate{OverlapSeconds: &overlap}))
	fmt.Println("rotated", rotated.JSON200.Data.ClientSecret[:7])
	reason := "moved"
	must(client.StartHoldWithResponse(ctx, nil, payments.StartHold{UserId: &user.UserId, Reason: &reason}))
	hold := must(client.ListHoldsWithResponse(ctx, &payments.ListHoldsParams{UserId: &user.UserId})).JSON200.Data[0]
	fmt.Println("hold", hold.Scope, *hold.Reason)
	others := "others"
	if len(must(client.EndHoldWithResponse(ctx, user.UserId, nil)).JSON200.Data.OtherHolds) == 0 {
		others = "none"
	}
	fmt.Println("ended", others)
	limit := 2
	audit := must(client.ListAuditWithResponse(ctx, &payments.ListAuditParams{Limit: &limit})).JSON200.Data
	fmt.Println("audit", audit[0].Action, audit[1].Action)
	refused := must(client.CreateClientWithResponse(ctx, nil, payments.CreateClient{}))
	fmt.Println("refused", refused.StatusCode(), refused.JSON400.Code)
	missing := must(client.GetUserWithResponse(ctx, "user_nobody", nil))
	fmt.Println("missing", missing.StatusCode(), missing.JSON404.Code)
}
