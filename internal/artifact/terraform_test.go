package artifact_test

import "testing"

var terraformTable = table{
	typ: "terraform",
	paths: map[string]golden{
		"module":                    {"/v1/modules/hashicorp/consul/aws/0.0.5/download", "pkg:terraform/hashicorp/consul/aws 0.0.5 primary terraform-module"},
		"module with hyphens":       {"/v1/modules/terraform-aws-modules/security-group/aws/5.1.0/download", "pkg:terraform/terraform-aws-modules/security-group/aws 5.1.0 primary terraform-module"},
		"module, pre-release":       {"/v1/modules/acme/net/azurerm/1.0.0-beta.1+b5/download", "pkg:terraform/acme/net/azurerm 1.0.0-beta.1+b5 primary terraform-module"},
		"module, escaped plus":      {"/v1/modules/acme/net/azurerm/1.0.0%2Bb5/download", "pkg:terraform/acme/net/azurerm 1.0.0+b5 primary terraform-module"},
		"module, upper case":        {"/v1/modules/Azure/aks/azurerm/7.5.0/download", "pkg:terraform/Azure/aks/azurerm 7.5.0 primary terraform-module"},
		"module, underscores":       {"/v1/modules/acme/my_net/aws/1.0.0/download", "pkg:terraform/acme/my_net/aws 1.0.0 primary terraform-module"},
		"module like a version":     {"/v1/modules/acme/net-1/aws/1.0.0/download", "pkg:terraform/acme/net-1/aws 1.0.0 primary terraform-module"},
		"module, doubled slashes":   {"/v1//modules/acme/net//aws/1.0.0/download", "pkg:terraform/acme/net/aws 1.0.0 primary terraform-module"},
		"module of Terraform Cloud": {"/api/registry/v1/modules/acme/net/aws/1.0.0/download", "pkg:terraform/acme/net/aws 1.0.0 primary terraform-module"},
		"module of Artifactory":     {"/artifactory/api/terraform/tf/v1/modules/acme/net/aws/1.0.0/download", "pkg:terraform/acme/net/aws 1.0.0 primary terraform-module"},
		"module of GitLab":          {"/api/v4/packages/terraform/modules/v1/acme/net/aws/1.0.0/download", "pkg:terraform/acme/net/aws 1.0.0 primary terraform-module"},
		"module of GitLab, file":    {"/api/v4/packages/terraform/modules/v1/acme/net/aws/1.0.0/file", "pkg:terraform/acme/net/aws 1.0.0 primary terraform-module"},
		"module of a project":       {"/api/v4/projects/1/packages/terraform/modules/net/aws/1.0.0/file", "pkg:terraform/net/aws 1.0.0 primary terraform-module"},
		"versions of a module":      {"/v1/modules/hashicorp/consul/aws/versions", "pkg:terraform/hashicorp/consul/aws - index terraform-module"},
		"latest of a module":        {"/v1/modules/hashicorp/consul/aws/download", "pkg:terraform/hashicorp/consul/aws - index terraform-module"},
		"provider":                  {"/v1/providers/hashicorp/aws/5.31.0/download/linux/amd64", "pkg:terraform/hashicorp/aws 5.31.0 primary terraform-provider"},
		"provider with a hyphen":    {"/v1/providers/hashicorp/google-beta/5.10.0/download/darwin/arm64", "pkg:terraform/hashicorp/google-beta 5.10.0 primary terraform-provider"},
		"provider, pre-release":     {"/v1/providers/acme/thing/1.0.0-rc1/download/windows/386", "pkg:terraform/acme/thing 1.0.0-rc1 primary terraform-provider"},
		"provider of Cloud":         {"/api/registry/v1/providers/acme/thing/1.0.0/download/linux/amd64", "pkg:terraform/acme/thing 1.0.0 primary terraform-provider"},
		"versions of a provider":    {"/v1/providers/hashicorp/aws/versions", "pkg:terraform/hashicorp/aws - index terraform-provider"},
		"archive in a mirror":       {"/mirror/registry.terraform.io/hashicorp/aws/terraform-provider-aws_5.31.0_linux_amd64.zip", "pkg:terraform/hashicorp/aws 5.31.0 primary terraform-archive"},
		"archive by version":        {"/registry.terraform.io/hashicorp/aws/5.31.0/terraform-provider-aws_5.31.0_linux_amd64.zip", "pkg:terraform/hashicorp/aws 5.31.0 primary terraform-archive"},
		"archive of a host's port":  {"/localhost:8443/acme/thing/terraform-provider-thing_1.0.0_linux_arm64.zip", "pkg:terraform/acme/thing 1.0.0 primary terraform-archive"},
		"archive in Artifactory":    {"/artifactory/api/terraform/tf/acme/thing/1.0.0/terraform-provider-thing_1.0.0_linux_arm64.zip", "pkg:terraform/acme/thing 1.0.0 primary terraform-archive"},
	},
	names: map[string]golden{
		"bare":            {"terraform-provider-aws_5.31.0_linux_amd64.zip", "pkg:terraform/aws 5.31.0 primary terraform-archive"},
		"releases":        {"/terraform-provider-google-beta/5.10.0/terraform-provider-google-beta_5.10.0_darwin_arm64.zip", "pkg:terraform/google-beta 5.10.0 primary terraform-archive"},
		"directory":       {"/downloads/aws/terraform-provider-aws_5.31.0_linux_amd64.zip", "pkg:terraform/aws 5.31.0 primary terraform-archive"},
		"sums":            {"terraform-provider-aws_5.31.0_SHA256SUMS", "pkg:terraform/aws 5.31.0 checksum terraform-archive"},
		"signature":       {"terraform-provider-aws_5.31.0_SHA256SUMS.sig", "pkg:terraform/aws 5.31.0 signature terraform-archive"},
		"signature by":    {"terraform-provider-aws_5.31.0_SHA256SUMS.72D7468F.sig", "pkg:terraform/aws 5.31.0 signature terraform-archive"},
		"manifest":        {"terraform-provider-aws_5.31.0_manifest.json", "pkg:terraform/aws 5.31.0 metadata terraform-archive"},
		"no host":         {"/acme/thing/1.0.0/terraform-provider-thing_1.0.0_linux_amd64.zip", "pkg:terraform/thing 1.0.0 primary terraform-archive"},
		"another's place": {"/registry.terraform.io/hashicorp/google/terraform-provider-aws_5.31.0_linux_amd64.zip", "pkg:terraform/aws 5.31.0 primary terraform-archive"},
	},
	known: map[string]golden{
		"module, zip":         {"acme/net/aws/1.0.0.zip", "pkg:terraform/acme/net/aws 1.0.0 primary terraform-module"},
		"module of a project": {"modules/net/aws/1.0.0", "pkg:terraform/net/aws 1.0.0 primary terraform-module"},
		"module, described":   {"v1/modules/acme/net/aws", "pkg:terraform/acme/net/aws - index terraform-module"},
		"module's version":    {"v1/modules/acme/net/aws/1.0.0", "pkg:terraform/acme/net/aws 1.0.0 index terraform-module"},
		"module, file":        {"v1/modules/acme/net/aws/1.0.0/file", "pkg:terraform/acme/net/aws 1.0.0 primary terraform-module"},
		"provider, described": {"v1/providers/acme/thing", "pkg:terraform/acme/thing - index terraform-provider"},
		"provider's version":  {"v1/providers/acme/thing/1.0.0", "pkg:terraform/acme/thing 1.0.0 index terraform-provider"},
		"mirror":              {"registry.terraform.io/hashicorp/aws/index.json", "pkg:terraform/hashicorp/aws - index terraform-mirror"},
		"mirror, version":     {"providers/registry.terraform.io/hashicorp/aws/5.31.0.json", "pkg:terraform/hashicorp/aws 5.31.0 index terraform-mirror"},
	},
	foreign: []string{
		"/v1/modules/acme/net/aws/latest/download",
		"/v1/modules/acme/net/1.0.0/download",
		"/v1/modules/acme/net/aws/1.0.0/download/x",
		"/v1/modules/acme/net/aws/1.0.0/downloads",
		"/v1/modules/acme/my net/aws/1.0.0/download",
		"/v1/modules/acme/net/aws/1.0.0/download/",
		"/v1/modules/",
		"/xv1/modules/acme/net/aws/1.0.0/download",
		"/v1/providers/acme/thing/1.0.0/download/linux",
		"/v1/providers/acme/thing/1.0.0/download/linux/amd64/x",
		"/v1/providers/acme/thing/1/download/linux/amd64",
		"/v1/providers/a/b/c/versions",
		"/v2/providers/acme/thing/versions",
		"terraform-provider-aws.zip",
		"terraform-provider-aws_5.31.0.zip",
		"terraform-provider-aws_5.31.0_linux.zip",
		"terraform-provider-aws_5.31.0_linux_amd64_x.zip",
		"terraform-provider-aws_5.31.0_linux_amd64.tar.gz",
		"terraform-provider-aws_latest_linux_amd64.zip",
		"terraform-provider-_5.31.0_linux_amd64.zip",
		"terraform_1.6.6_linux_amd64.zip",
		"/terraform/1.6.6/terraform_1.6.6_linux_amd64.zip",
	},
	pieces: []string{"v1/modules/", "v1/providers/", "terraform/modules/v1/", "terraform-provider-", "_1.0.0_linux_amd64.zip", "/download", "/versions", "/file", ".json", "registry.terraform.io/", "_SHA256SUMS"},
}

func TestTerraform(t *testing.T) { terraformTable.check(t) }

func FuzzTerraform(f *testing.F) { terraformTable.fuzz(f) }

func TestTheDiscoveryOfTerraformIsAnIndex(t *testing.T) {
	checkUnnamed(t, "", map[string]string{
		"/.well-known/terraform.json": "pkg:generic/.well-known - index terraform-index",
	})
}
