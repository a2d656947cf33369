# The program is one static binary: the image holds nothing else but
# certificates and an empty folder for the data.

FROM node:20 AS node

FROM golang:1.26 AS build
# The page's script is bundled by make build, with npm.
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# There is no git history in here to tell them from.
ARG VERSION=dev
ARG COMMIT=unknown
RUN make build VERSION="$VERSION" COMMIT="$COMMIT"
# A volume takes its owner from the folder that it is mounted on.
RUN mkdir -p /rootfs/data && chmod 0700 /rootfs/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/bin/pkgmeter /pkgmeter
COPY --from=build --chown=65532:65532 /rootfs/ /
# Settings stand in the environment, so that commands in the container find
# them too: docker exec NAME /pkgmeter top --by file
ENV PKGMETER_DATA=/data
ENV PKGMETER_LISTEN=0.0.0.0:8080
ENV PKGMETER_ADMIN_LISTEN=127.0.0.1:8081
USER 65532:65532
VOLUME ["/data"]
EXPOSE 8080
ENTRYPOINT ["/pkgmeter"]
CMD ["serve"]
