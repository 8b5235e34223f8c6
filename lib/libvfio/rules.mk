LIBVFIO_SRCS += lib/libvfio/close.c lib/libvfio/config.c lib/libvfio/dma_map.c
LIBVFIO_SRCS += lib/libvfio/dma_pool.c lib/libvfio/error.c lib/libvfio/fault.c
LIBVFIO_SRCS += lib/libvfio/match.c lib/libvfio/open.c lib/libvfio/region.c
