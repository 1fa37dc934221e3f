// Command clients plays clients of github.com/coreos/go-oidc and golang.org/x/oauth2: an app on a desktop, a device
// without a browser, a service.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// What the test says in the first line.
type settings struct {
	Issuer       string `json:"issuer"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RedirectURI  string `json:"redirect_uri"`
	Now          int64  `json:"now"`
}

// What it answers.
type answer struct {
	URL string `json:"url"`
	Now int64  `json:"now"`
}

type report map[string]any

var (
	input = bufio.NewReader(os.Stdin)
	told  settings
)

func read(into any) error {
	line, err := input.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, into)
}

func ask(what, url string) (got answer, err error) {
	if err := json.NewEncoder(os.Stdout).Encode(report{"ask": what, "url": url}); err != nil {
		return got, err
	}
	return got, read(&got)
}

// A provider, and an app of it without a secret.
type app struct {
	provider *oidc.Provider
	config   oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func discover(ctx context.Context) (*app, error) {
	provider, err := oidc.NewProvider(ctx, told.Issuer)
	if err != nil {
		return nil, err
	}
	return &app{
		provider: provider,
		config: oauth2.Config{
			ClientID:    told.ClientID,
			Endpoint:    provider.Endpoint(),
			RedirectURL: told.RedirectURI,
			Scopes:      []string{oidc.ScopeOpenID, "email", oidc.ScopeOfflineAccess},
		},
		verifier: provider.Verifier(&oidc.Config{ClientID: told.ClientID, Now: now}),
	}, nil
}

// The test's clock.
func now() time.Time { return time.Unix(told.Now, 0) }

// signIn gives tokens, and the ID token verified with the published keys.
func (a *app) signIn(ctx context.Context) (*oauth2.Token, *oidc.IDToken, error) {
	state, nonce, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	got, err := ask("open", a.config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)))
	if err != nil {
		return nil, nil, err
	}
	back, err := url.Parse(got.URL)
	if err != nil {
		return nil, nil, err
	}
	if back.Query().Get("state") != state {
		return nil, nil, fmt.Errorf("another state came back: %v", back)
	}
	token, err := a.config.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, nil, err
	}
	idToken, err := a.verify(ctx, token)
	if err == nil && idToken.Nonce != nonce {
		err = errors.New("the ID token has another nonce")
	}
	return token, idToken, err
}

func (a *app) verify(ctx context.Context, token *oauth2.Token) (*oidc.IDToken, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("no ID token")
	}
	idToken, err := a.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	return idToken, idToken.VerifyAccessToken(token.AccessToken)
}

// refresh asks for new tokens although the old ones are still good.
func (a *app) refresh(ctx context.Context, token *oauth2.Token) (*oauth2.Token, error) {
	return a.config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
}

func keyID(token *oauth2.Token) string {
	raw, _ := token.Extra("id_token").(string)
	head, _, _ := strings.Cut(raw, ".")
	decoded, _ := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		KeyID string `json:"kid"`
	}
	_ = json.Unmarshal(decoded, &header)
	return header.KeyID
}

func refusal(err error) string {
	var retrieve *oauth2.RetrieveError
	if errors.As(err, &retrieve) {
		return retrieve.ErrorCode
	}
	return fmt.Sprint(err)
}

// signsIn signs in, asks who it is, refreshes, and does it again when the server has other keys.
func signsIn(ctx context.Context) (report, error) {
	a, err := discover(ctx)
	if err != nil {
		return nil, err
	}
	token, idToken, err := a.signIn(ctx)
	if err != nil {
		return nil, err
	}
	info, err := a.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, err
	}
	raw, _ := token.Extra("id_token").(string)
	_, notForUs := a.provider.Verifier(&oidc.Config{ClientID: "other", Now: now}).Verify(ctx, raw)

	got, err := ask("rotate keys", "")
	if err != nil {
		return nil, err
	}
	told.Now = got.Now
	refreshed, err := a.refresh(ctx, token)
	if err != nil {
		return nil, err
	}
	later, err := a.provider.UserInfo(ctx, oauth2.StaticTokenSource(refreshed))
	if err != nil {
		return nil, err
	}
	afresh, again, err := a.signIn(ctx)
	if err != nil {
		return nil, err
	}
	// An app that uses an older token than the one before the newest has been copied.
	third, err := a.refresh(ctx, refreshed)
	if err != nil {
		return nil, err
	}
	_, replayed := a.refresh(ctx, token)
	_, ended := a.refresh(ctx, third)
	return report{
		"sub":         idToken.Subject,
		"email":       info.Email,
		"same_person": info.Subject == idToken.Subject && later.Subject == idToken.Subject && again.Subject == idToken.Subject,
		"not_for_us":  notForUs != nil,
		"other_key":   keyID(token) != keyID(afresh),
		"replayed":    refusal(replayed),
		"ended":       refusal(ended),
	}, nil
}

// connects is a device without a browser.
func connects(ctx context.Context) (report, error) {
	a, err := discover(ctx)
	if err != nil {
		return nil, err
	}
	shown, err := a.config.DeviceAuth(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := ask("allow device", shown.VerificationURIComplete); err != nil {
		return nil, err
	}
	token, err := a.config.DeviceAccessToken(ctx, shown)
	if err != nil {
		return nil, err
	}
	idToken, err := a.verify(ctx, token)
	if err != nil {
		return nil, err
	}
	return report{"sub": idToken.Subject}, nil
}

// serves is a service: it speaks for itself, and finds out by itself how to send its secret.
func serves(ctx context.Context) (report, error) {
	a, err := discover(ctx)
	if err != nil {
		return nil, err
	}
	config := clientcredentials.Config{
		ClientID:     told.ClientID,
		ClientSecret: told.ClientSecret,
		TokenURL:     a.config.Endpoint.TokenURL,
		Scopes:       []string{"read"},
	}
	token, err := config.Token(ctx)
	if err != nil {
		return nil, err
	}
	config.ClientSecret = "another"
	_, wrong := config.Token(ctx)
	return report{"scope": token.Extra("scope"), "type": token.Type(), "wrong": refusal(wrong)}, nil
}

func main() {
	plays := map[string]func(context.Context) (report, error){"app": signsIn, "device": connects, "service": serves}
	err := read(&told)
	if err == nil {
		var found report
		if found, err = plays[os.Args[1]](context.Background()); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(found)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
