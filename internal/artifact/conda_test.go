package artifact_test

import "testing"

var condaTable = table{
	typ: "conda",
	paths: map[string]golden{
		"channel":                     {"/conda-forge/linux-64/numpy-1.26.4-py312heda63a1_0.conda", "pkg:conda/numpy 1.26.4 primary conda"},
		"old archive":                 {"/conda-forge/linux-64/numpy-1.26.4-py312heda63a1_0.tar.bz2", "pkg:conda/numpy 1.26.4 primary conda"},
		"noarch":                      {"/conda-forge/noarch/pip-24.0-pyhd8ed1ab_0.conda", "pkg:conda/pip 24.0 primary conda"},
		"no channel":                  {"/osx-arm64/zlib-1.2.13-h53f4e23_5.conda", "pkg:conda/zlib 1.2.13 primary conda"},
		"download of anaconda.org":    {"/conda-forge/numpy/1.26.4/download/win-64/numpy-1.26.4-py312_0.tar.bz2", "pkg:conda/numpy 1.26.4 primary conda"},
		"token":                       {"/t/to-123/acme/linux-64/tool-1.0-0.tar.bz2", "pkg:conda/tool 1.0 primary conda"},
		"quetz":                       {"/get/acme/linux-aarch64/tool-1.0-h123_1.tar.bz2", "pkg:conda/tool 1.0 primary conda"},
		"Gitea":                       {"/api/packages/alice/conda/main/linux-64/tool-1.0-0.tar.bz2", "pkg:conda/tool 1.0 primary conda"},
		"Artifactory":                 {"/artifactory/api/conda/conda-local/linux-64/tool-1.0-0.conda", "pkg:conda/tool 1.0 primary conda"},
		"Nexus":                       {"/repository/conda/main/linux-64/tool-1.0-0.tar.bz2", "pkg:conda/tool 1.0 primary conda"},
		"epoch":                       {"/conda-forge/linux-64/x264-1!164.3095-h166bdaf_2.tar.bz2", "pkg:conda/x264 1!164.3095 primary conda"},
		"escaped epoch":               {"/conda-forge/linux-64/x264-1%21164.3095-h166bdaf_2.tar.bz2", "pkg:conda/x264 1!164.3095 primary conda"},
		"tilde":                       {"/conda-forge/linux-64/pyside2-2.0.0~alpha0-py27_0.tar.bz2", "pkg:conda/pyside2 2.0.0~alpha0 primary conda"},
		"plus":                        {"/pytorch/linux-64/torch-2.2.0+cu121-py3.11_0.conda", "pkg:conda/torch 2.2.0+cu121 primary conda"},
		"underscore first":            {"/conda-forge/linux-64/_libgcc_mutex-0.1-conda_forge_1.tar.bz2", "pkg:conda/_libgcc_mutex 0.1 primary conda"},
		"name that ends in a version": {"/conda-forge/linux-64/gcc_impl_linux-64-13.2.0-h338b0a0_5.conda", "pkg:conda/gcc_impl_linux-64 13.2.0 primary conda"},
		"hyphens in the name":         {"/conda-forge/noarch/font-ttf-dejavu-sans-mono-2.37-hab24e00_0.tar.bz2", "pkg:conda/font-ttf-dejavu-sans-mono 2.37 primary conda"},
		"letter in the version":       {"/conda-forge/noarch/tzdata-2024a-h0c530f3_0.conda", "pkg:conda/tzdata 2024a primary conda"},
		"build behind an underscore":  {"/r/linux-64/_r-mutex-1.0.1-_anacondar_1.conda", "pkg:conda/_r-mutex 1.0.1 primary conda"},
		"web assembly":                {"/emscripten-forge/emscripten-wasm32/numpy-1.26.4-py311_0.tar.bz2", "pkg:conda/numpy 1.26.4 primary conda"},
		"upper case":                  {"/acme/win-64/MyTool-1.0-0.CONDA", "pkg:conda/MyTool 1.0 primary conda"},
		"doubled slashes":             {"/conda-forge//linux-64//zlib-1.2.13-0.conda", "pkg:conda/zlib 1.2.13 primary conda"},
	},
	names: map[string]golden{
		"bare":     {"numpy-1.26.4-py312heda63a1_0.conda", "pkg:conda/numpy 1.26.4 primary conda"},
		"anywhere": {"/downloads/numpy-1.26.4-py312heda63a1_0.conda", "pkg:conda/numpy 1.26.4 primary conda"},
	},
	known: map[string]golden{
		"archive of no platform": {"numpy-1.26.4-py312_0.tar.bz2", "pkg:conda/numpy 1.26.4 primary conda"},
		"version without number": {"main/linux-64/tool-dev-0.tar.bz2", "pkg:conda/tool dev primary conda"},
		"build without a number": {"main/linux-64/tool-1.0-custom.conda", "pkg:conda/tool 1.0 primary conda"},
		"platform of one's own":  {"main/solaris-64/tool-1.0-0.tar.bz2", "pkg:conda/tool 1.0 primary conda"},
	},
	foreign: []string{
		"tool.conda",
		"tool-1.0.conda",
		"my-app-config.conda",
		"tool-1.0-custom.conda",
		"-1.0-0.conda",
		"tool--0.conda",
		"tool-1.0-.conda",
		"tool-1.0-0.conda/",
		"my tool-1.0-0.conda",
		"/downloads/tool-1.0-0.tar.bz2",
		"/downloads/linux-64/tool-1.0-bin.tar.bz2",
		"/downloads/linux-64/tool-1.0.tar.bz2",
		"/linux64/tool-1.0-h1_0.tar.bz2",
		"/linux-64/tool-1.0-0.tar.gz",
		"/linux-64/repodata.json",
		"foo-1.0-1.tar.bz2",
	},
	pieces: []string{"linux-64/", "noarch/", ".conda", ".tar.bz2", "-py312_0", "-0", "1!", "repodata.json", ".zst"},
}

func TestConda(t *testing.T) { condaTable.check(t) }

func FuzzConda(f *testing.F) { condaTable.fuzz(f) }

func TestAnIndexOfCondaIsOfNoPackage(t *testing.T) {
	checkUnnamed(t, "", map[string]string{
		"/conda-forge/linux-64/repodata.json":             "pkg:generic/conda-forge/linux-64 - index conda-index",
		"/conda-forge/noarch/repodata.json.zst":           "pkg:generic/conda-forge/noarch - index conda-index",
		"/conda-forge/noarch/repodata.json.bz2":           "pkg:generic/conda-forge/noarch - index conda-index",
		"/conda-forge/noarch/current_repodata.json":       "pkg:generic/conda-forge/noarch - index conda-index",
		"/conda-forge/noarch/repodata_shards.msgpack.zst": "pkg:generic/conda-forge/noarch - index conda-index",
		"/win-64/run_exports.json.zst":                    "pkg:generic/win-64 - index conda-index",
		"/data/repodata.json":                             "pkg:generic/data - primary generic",
		"/conda-forge/channeldata.json":                   "pkg:generic/conda-forge - primary generic",
		"/conda-forge/linux-64/data.json":                 "pkg:generic/conda-forge/linux-64 - primary generic",
	})
}

func TestTheChannelDataOfCondaNeedTheFormat(t *testing.T) {
	checkUnnamed(t, "conda", map[string]string{
		"/conda-forge/channeldata.json": "pkg:generic/conda-forge - index conda-index",
		"channeldata.json":              "pkg:generic/channeldata.json - index conda-index",
		"other.json":                    "pkg:generic/other.json - primary generic",
	})
}
