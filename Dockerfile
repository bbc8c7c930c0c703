# The image of every role. Built from source for users; `make images` picks the tool that is there.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release -p hearth && strip target/release/hearth -o /hearth

# glibc, CA certificates, time zones, no shell; user 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /hearth /hearth
USER 65532:65532
ENTRYPOINT ["/hearth"]
